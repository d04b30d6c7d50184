//! Who tries the demo: a cookie, and the ids that an application keeps beside its user.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use data_encoding::HEXLOWER;
use mfa_core::random::{OsRandom, RandomError, SecureRandom as _};

const COOKIE: &str = "mfa-demo";
/// Accounts that are kept; the oldest goes for the next one.
const ACCOUNTS: usize = 1_000;

/// What an application keeps of the service: ids, and nothing secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) totp: Option<String>,
    pub(super) user: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Accounts(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    accounts: HashMap<String, Account>,
    by_age: VecDeque<String>,
}

impl Accounts {
    /// Opens an account; returns its cookie.
    pub(super) fn create(&self) -> Result<String, RandomError> {
        let mut bytes = [0; 32];
        OsRandom.fill(&mut bytes)?;
        let id = HEXLOWER.encode(&bytes);
        let mut table = self.table();
        if table.by_age.len() >= ACCOUNTS
            && let Some(oldest) = table.by_age.pop_front()
        {
            table.accounts.remove(&oldest);
        }
        table.by_age.push_back(id.clone());
        table.accounts.insert(id.clone(), Account::default());
        Ok(format!("{COOKIE}={id}; Path=/demo; HttpOnly; SameSite=Strict"))
    }

    pub(super) fn get(&self, id: &str) -> Option<Account> {
        self.table().accounts.get(id).cloned()
    }

    pub(super) fn change(&self, id: &str, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.table().accounts.get_mut(id) {
            change(account);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A poisoned lock is usable: no change to the table can be interrupted half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the cookie says.
pub(super) fn id_of(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, id)| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(cookie: &str) -> String {
        let mut headers = HeaderMap::new();
        let pair = cookie.split_once(';').unwrap().0;
        headers.insert(header::COOKIE, format!("other=1; {pair}").parse().unwrap());
        id_of(&headers).unwrap()
    }

    #[test]
    fn an_account_is_found_by_its_cookie_alone() {
        let accounts = Accounts::default();
        let (mine, yours) = (id(&accounts.create().unwrap()), id(&accounts.create().unwrap()));
        accounts.change(&mine, |account| account.user = Some("jo".to_owned()));
        assert_eq!(accounts.get(&mine).unwrap().user.as_deref(), Some("jo"));
        assert!(accounts.get(&yours).unwrap().user.is_none());
        assert!(accounts.get("made up").is_none());
        accounts.change("made up", |account| account.user = Some("jo".to_owned()));
        assert!(accounts.get("made up").is_none());
    }

    #[test]
    fn the_oldest_account_goes_first() {
        let accounts = Accounts::default();
        let first = id(&accounts.create().unwrap());
        let second = id(&accounts.create().unwrap());
        for _ in 2..=ACCOUNTS {
            accounts.create().unwrap();
        }
        assert!(accounts.get(&first).is_none() && accounts.get(&second).is_some());
    }
}
