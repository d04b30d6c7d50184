//! Hashes the API secrets of [`mfa_core`] on tokio's blocking threads.
//!
//! A hash takes about 20 ms of CPU. On the calling thread, as by default, it stalls every other task of that thread.
//!
//! ```
//! # use std::sync::Arc;
//! # use mfa_core::{Mfa, api_key::{ApiKeyError, ApiSecret}, store::memory::MemoryStore};
//! use mfa_hasher_tokio::BlockingHasher;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mfa = Mfa::builder(MemoryStore::default()).hasher(Arc::new(BlockingHasher::default())).build();
//! let key = mfa.create_api_key("dev@example.com").await?;
//! let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
//! assert!(mfa.authenticate(&key, &secret).await.is_ok());
//!
//! let guess: ApiSecret = "0123456789abcdef0123456789abcdef".parse()?;
//! assert!(matches!(mfa.authenticate(&key, &guess).await, Err(ApiKeyError::Unauthorized)));
//! # Ok(())
//! # }
//! ```

use std::num::NonZero;
use std::sync::Arc;

use async_trait::async_trait;
use mfa_core::api_key::{Argon2Hasher, HashError, SecretHash, SecretHasher};
use mfa_core::secret::SecretBytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

/// The most callers that wait for a thread. At 20 ms a hash the last of them waits about five seconds.
const WAITING: usize = 256;

/// Hashes on tokio's blocking threads, at most half as many at a time as there are cores. A call that finds 256 others
/// waiting is refused with [`HashError::Busy`].
#[derive(Clone, Debug)]
pub struct BlockingHasher {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for BlockingHasher {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            running: Arc::new(Semaphore::new((cores / 2).max(1))),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }
}

impl BlockingHasher {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let place = self.waiting.try_acquire().map_err(|_| HashError::Busy)?;
        let running: OwnedSemaphorePermit =
            Arc::clone(&self.running).acquire_owned().await.map_err(|_| HashError::Failed)?;
        drop(place);
        let hashing = spawn_blocking(move || {
            // The thread holds it, not the caller. A caller who disconnects does not make room for another
            // hash.
            let _running = running;
            work()
        });
        hashing.await.map_err(|_| HashError::Failed)?
    }
}

#[async_trait]
impl SecretHasher for BlockingHasher {
    async fn hash(&self, input: SecretBytes, salt: [u8; 16]) -> Result<SecretHash, HashError> {
        self.run(move || Argon2Hasher::hash_blocking(&input, &salt)).await
    }

    async fn verify(&self, input: SecretBytes, hash: SecretHash) -> Result<bool, HashError> {
        self.run(move || Argon2Hasher::verify_blocking(&input, &hash)).await
    }
}
