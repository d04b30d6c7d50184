//! `mfa-http health`, for health checks in containers without curl.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Outcome, print};

pub(super) async fn run(address: SocketAddr) -> Outcome {
    let answer = tokio::time::timeout(Duration::from_secs(5), ask(address)).await;
    let status = answer.map_err(|_| format!("{address} did not answer in 5 s"))?;
    let status = status.map_err(|error| format!("{address} does not answer: {error}"))?;
    match status.as_str() {
        "204" => print("ready"),
        status => Err(format!("{address} is not ready: it answered {status}").into()),
    }
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /health/ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    let head = String::from_utf8_lossy(&answer);
    Ok(head.split(' ').nth(1).unwrap_or("nothing").to_owned())
}
