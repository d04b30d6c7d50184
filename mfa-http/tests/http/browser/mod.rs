//! The demo page in headless Chromium, with virtual authenticators.

mod account;
mod device;
mod keyboard;
mod legacy;
mod localhost;
mod looks;
mod passkeys;
mod refusals;
mod tls;
mod totp;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::program::{Process, program};
use tls::Tls;

/// The time for the page to show a result.
const PATIENCE: Duration = Duration::from_secs(20);

/// The page in a browser of its own, on a server of its own.
pub(crate) struct Page {
    pub(crate) client: Client,
    /// Where it is served.
    pub(crate) origin: String,
    tls: Tls,
    server: Process,
    _driver: Driver,
}

impl Page {
    /// Opens the page over TLS; `None` if there is no browser. Under CI that is a failure.
    pub(crate) async fn open() -> Option<Self> {
        Self::open_at(Address::Tls, json!({})).await
    }

    /// Opens the page at the address that the program prints: on localhost, without TLS.
    pub(crate) async fn open_on_localhost() -> Option<Self> {
        Self::open_at(Address::Localhost, json!({})).await
    }

    /// Opens the page in a browser that keeps no cookies.
    pub(crate) async fn open_without_cookies() -> Option<Self> {
        const BLOCK: u8 = 2;
        Self::open_at(Address::Tls, json!({"profile.default_content_setting_values.cookies": BLOCK})).await
    }

    async fn open_at(address: Address, preferences: Value) -> Option<Self> {
        let chromium = find("chromium")?;
        let driver = find("chromedriver")?;
        let folder = tempfile::tempdir().unwrap();
        let server = Process::spawn(program(folder.path()).args(["serve", "--demo", "--store", "memory://"]));
        let tls = Tls::new();
        let origin = match address {
            Address::Tls => tls.in_front_of(&server.url).await,
            Address::Localhost => server.url.replace("127.0.0.1", "localhost"),
        };

        let mut driver = Driver::start(&driver, folder);
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--force-color-profile=srgb".to_owned(),
            "--host-resolver-rules=MAP * 127.0.0.1".to_owned(),
            format!("--ignore-certificate-errors-spki-list={}", tls.fingerprint),
            format!("--user-data-dir={}", driver.folder.path().join("profile").display()),
        ];
        let capabilities = json!({
            "goog:chromeOptions": {"binary": chromium, "args": arguments, "prefs": preferences},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let client = ClientBuilder::rustls()
            .unwrap()
            .capabilities(capabilities)
            .connect(&format!("http://{}", driver.address))
            .await
            .unwrap();
        driver.session = client.session_id().await.unwrap();
        client.set_window_size(1280, 900).await.unwrap();
        let page = Self { client, origin, tls, server, _driver: driver };
        page.load().await;
        Some(page)
    }

    /// Loads the page, and waits until it has requested its account.
    pub(crate) async fn load(&self) {
        self.client.goto(&format!("{}/demo", self.origin)).await.unwrap();
        self.ready().await;
    }

    pub(crate) async fn ready(&self) {
        let ready = "while (document.querySelector('main[aria-busy]')) await new Promise((next) => setTimeout(next, 10));";
        timeout(PATIENCE, self.script(ready, &[])).await.unwrap().unwrap();
    }

    /// The same server at one more origin of the same host.
    pub(crate) async fn another_origin(&self) -> String {
        self.tls.in_front_of(&self.server.url).await
    }

    /// Clicks the element once it is visible.
    pub(crate) async fn press(&self, css: &str) {
        let element = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await.unwrap();
        element.click().await.unwrap();
    }

    /// Waits until the section says something, and returns it.
    pub(crate) async fn said(&self, section: &str) -> String {
        let script = "const status = document.getElementById(arguments[0] + '-status');
            const busy = () => document.querySelector('[aria-busy=\"true\"]') || !status.textContent;
            while (busy()) await new Promise((next) => setTimeout(next, 10));
            return status.textContent;";
        let said = timeout(PATIENCE, self.script(script, &[json!(section)])).await;
        said.unwrap().unwrap().as_str().unwrap().to_owned()
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.client.find(Locator::Css(css)).await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        let field = self.client.find(Locator::Css(css)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Runs the body of an async function in the page, and returns its result or its error.
    pub(crate) async fn script(&self, body: &str, arguments: &[Value]) -> Result<Value, Thrown> {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async function () {{ {body} }}).apply(null, Array.from(arguments).slice(0, -1))
                 .then((value) => done({{ value: value ?? null }}),
                       (error) => done({{ name: error.name, message: error.message, code: error.code }}));"
        );
        let outcome = self.client.execute_async(&script, arguments.to_vec()).await.unwrap();
        match outcome.get("name") {
            None => Ok(outcome["value"].clone()),
            Some(name) => Err(Thrown {
                name: name.as_str().unwrap().to_owned(),
                code: outcome["code"].as_str().unwrap_or_default().to_owned(),
                message: outcome["message"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    }

    /// A command of Chromium's own protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let command = DevTools { command: command.to_owned(), parameters };
        self.client.issue_cmd(command).await.unwrap()
    }

    /// Fails if the console has errors other than requests refused with one of these statuses.
    pub(crate) async fn had_no_errors_but(&self, refusals: &[u16]) {
        let log = self.client.issue_cmd(ConsoleLog).await.unwrap();
        let entries = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        let errors: Vec<&str> = entries.map(|entry| entry["message"].as_str().unwrap()).collect();
        let is = |error: &str, status: &u16| {
            error.contains(&format!("the server responded with a status of {status} "))
        };
        let as_told = errors.iter().zip(refusals).all(|(error, status)| is(error, status));
        assert!(as_told && errors.len() == refusals.len(), "{refusals:?} expected: {errors:#?}");
    }
}

#[derive(Clone, Copy)]
enum Address {
    Tls,
    Localhost,
}

/// The program that drives the browser.
struct Driver {
    process: Child,
    address: String,
    session: Option<String>,
    folder: TempDir,
}

impl Driver {
    /// The driver picks a free IPv4 port, and exits if another process has it on IPv6.
    fn start(program: &Path, folder: TempDir) -> Self {
        for _ in 0..10 {
            let mut command = Command::new(program);
            command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
            let mut process = command.spawn().unwrap();
            let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
            let port = lines.find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            });
            if let Some(port) = port {
                // Keep reading its output, so that it does not block.
                std::thread::spawn(move || lines.for_each(drop));
                return Self { process, address: format!("127.0.0.1:{port}"), session: None, folder };
            }
            process.wait().unwrap();
        }
        panic!("{} does not start", program.display());
    }
}

impl Drop for Driver {
    /// End the session whatever the outcome of the test. Only then does the driver end the browser's
    /// processes.
    fn drop(&mut self) {
        if let (Some(session), Ok(mut stream)) = (&self.session, TcpStream::connect(&self.address)) {
            let end = format!("DELETE /session/{session} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = stream.write_all(end.as_bytes());
            // It answers when the browser has exited, and leaves the connection open.
            let _ = stream.read(&mut [0; 256]);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Find the processes of an unresponsive browser by its folder.
        let _ = Command::new("pkill").args(["-KILL", "-f"]).arg(self.folder.path()).status();
    }
}

/// What a script threw. `code` is the service's, if it was refused.
#[derive(Debug)]
pub(crate) struct Thrown {
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) message: String,
}

#[derive(Debug)]
struct DevTools {
    command: String,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap()))
    }

    fn method_and_body(&self, _: &url::Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(json!({"cmd": self.command, "params": self.parameters}).to_string()))
    }
}

#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap()))
    }

    fn method_and_body(&self, _: &url::Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(json!({"type": "browser"}).to_string()))
    }
}

#[expect(clippy::print_stderr, reason = "a skip must be heard")]
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed: run scripts/test");
        eprintln!("SKIPPED: {program} is not installed; scripts/test installs it");
    }
    found
}
