//! The demo's visitors: a cookie for each, and the ids that an application stores with its user.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use data_encoding::HEXLOWER;
use mfa_core::random::{OsRandom, RandomError, SecureRandom as _};

const COOKIE: &str = "mfa-demo";
/// The most accounts. A new one replaces the oldest.
const ACCOUNTS: usize = 1_000;

/// What an application stores: ids and no secrets.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) totp: Option<String>,
    pub(super) user: Option<String>,
}

/// A row of the service for an account, by its id.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    Totp(String),
    User(String),
}

impl Account {
    /// The account's field for this kind of row, and the row's id.
    fn field(&mut self, row: Row) -> (&mut Option<String>, String) {
        match row {
            Row::Totp(id) => (&mut self.totp, id),
            Row::User(id) => (&mut self.user, id),
        }
    }

    fn rows(self) -> impl Iterator<Item = Row> {
        self.totp.map(Row::Totp).into_iter().chain(self.user.map(Row::User))
    }
}

#[derive(Debug, Default)]
pub(super) struct Accounts(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    accounts: HashMap<String, Account>,
    by_age: VecDeque<String>,
    /// Rows that lost their account and still exist.
    orphans: Vec<Row>,
}

impl Accounts {
    /// Opens an account. Returns its cookie, and the rows of the account that it replaced.
    pub(super) fn open(&self) -> Result<(String, Vec<Row>), RandomError> {
        let mut bytes = [0; 32];
        OsRandom.fill(&mut bytes)?;
        let id = HEXLOWER.encode(&bytes);
        let mut table = self.table();
        let mut evicted = None;
        if table.by_age.len() >= ACCOUNTS
            && let Some(oldest) = table.by_age.pop_front()
        {
            evicted = table.accounts.remove(&oldest);
        }
        table.by_age.push_back(id.clone());
        table.accounts.insert(id.clone(), Account::default());
        let rows = evicted.into_iter().flat_map(Account::rows).collect();
        Ok((format!("{COOKIE}={id}; Path=/demo; HttpOnly; SameSite=Strict"), rows))
    }

    pub(super) fn get(&self, id: &str) -> Option<Account> {
        self.table().accounts.get(id).cloned()
    }

    /// Puts `row` into the account. Returns the row that has no account now, if any: the previous one, or
    /// `row` itself if the account is gone.
    pub(super) fn keep(&self, id: &str, row: Row) -> Option<Row> {
        let mut table = self.table();
        let Some(account) = table.accounts.get_mut(id) else { return Some(row) };
        let of_kind = if matches!(row, Row::Totp(_)) { Row::Totp } else { Row::User };
        let (field, id) = account.field(row);
        let before = field.replace(id);
        before.filter(|before| field.as_ref() != Some(before)).map(of_kind)
    }

    /// Removes `row` from the account, unless another row has replaced it.
    pub(super) fn forget(&self, id: &str, row: Row) {
        if let Some(account) = self.table().accounts.get_mut(id) {
            let (field, id) = account.field(row);
            field.take_if(|kept| *kept == id);
        }
    }

    /// Remembers a row without an account, to delete it at the end.
    pub(super) fn orphan(&self, row: Row) {
        self.table().orphans.push(row);
    }

    /// Removes all accounts. Returns every remaining row.
    pub(super) fn clear(&self) -> Vec<Row> {
        let Table { accounts, orphans, .. } = std::mem::take(&mut *self.table());
        orphans.into_iter().chain(accounts.into_values().flat_map(Account::rows)).collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A poisoned lock is usable: no change to the table can be interrupted half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The account's id in the cookie.
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
        let (mine, yours) = (id(&accounts.open().unwrap().0), id(&accounts.open().unwrap().0));
        assert_eq!(accounts.keep(&mine, Row::User("jo".to_owned())), None);
        assert_eq!(accounts.get(&mine).unwrap().user.as_deref(), Some("jo"));
        assert!(accounts.get(&yours).unwrap().user.is_none());
        assert!(accounts.get("made up").is_none());
    }

    /// Each row is in an account or is deleted.
    #[test]
    fn no_row_is_lost() {
        let accounts = Accounts::default();
        let mine = id(&accounts.open().unwrap().0);
        let totp = |id: &str| Row::Totp(id.to_owned());
        assert_eq!(accounts.keep(&mine, totp("1")), None);
        assert_eq!(accounts.keep(&mine, totp("1")), None);
        assert_eq!(accounts.keep(&mine, totp("2")), Some(totp("1")));
        assert_eq!(accounts.keep("made up", totp("3")), Some(totp("3")));
        accounts.forget(&mine, totp("1"));
        assert_eq!(accounts.get(&mine).unwrap().totp.as_deref(), Some("2"));
        accounts.orphan(totp("1"));
        assert_eq!(accounts.clear(), [totp("1"), totp("2")]);
        assert!(accounts.clear().is_empty() && accounts.get(&mine).is_none());
    }

    #[test]
    fn the_oldest_account_goes_first() {
        let accounts = Accounts::default();
        let first = id(&accounts.open().unwrap().0);
        accounts.keep(&first, Row::User("jo".to_owned()));
        let second = id(&accounts.open().unwrap().0);
        for _ in 2..ACCOUNTS {
            assert!(accounts.open().unwrap().1.is_empty());
        }
        assert_eq!(accounts.open().unwrap().1, [Row::User("jo".to_owned())]);
        assert!(accounts.get(&first).is_none() && accounts.get(&second).is_some());
    }
}
