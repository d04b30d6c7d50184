//! One value for each kind of record, such as its table.

use super::{Record, SHAPES, Shape};

/// One `T` for each of the [`SHAPES`].
///
/// ```
/// use mfa_core::store::{ByKind, TotpRecord, UserRecord};
///
/// let names = ByKind::new(|shape| shape.kind.as_str());
/// assert_eq!(names.of::<TotpRecord>(), &"totp");
/// assert_ne!(names.of::<TotpRecord>(), names.of::<UserRecord>());
/// ```
#[derive(Clone, Debug)]
pub struct ByKind<T>([T; SHAPES.len()]);

impl<T> ByKind<T> {
    /// Makes a value for each kind.
    pub fn new(make: impl FnMut(&'static Shape) -> T) -> Self {
        Self(SHAPES.map(make))
    }

    /// The value of a kind.
    #[expect(clippy::expect_used, reason = "`Record` is sealed, and a test finds each kind among the shapes")]
    pub fn of<R: Record>(&self) -> &T {
        let found = self.iter().find(|(shape, _)| shape.kind == R::SHAPE.kind);
        found.map(|(_, own)| own).expect("a kind of ours")
    }

    /// Maps each value to another.
    pub fn map<U>(&self, mut make: impl FnMut(&'static Shape, &T) -> U) -> ByKind<U> {
        ByKind(std::array::from_fn(|n| make(SHAPES[n], &self.0[n])))
    }

    /// Each kind with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Shape, &T)> {
        SHAPES.into_iter().zip(&self.0)
    }

    /// Like [`iter`](Self::iter), with mutable values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&'static Shape, &mut T)> {
        SHAPES.into_iter().zip(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{TotpRecord, UserRecord};

    #[test]
    fn each_kind_finds_its_own() {
        let kinds = ByKind::new(|shape| shape.kind);
        assert_eq!(kinds.of::<TotpRecord>(), &TotpRecord::SHAPE.kind);
        assert_eq!(kinds.of::<UserRecord>(), &UserRecord::SHAPE.kind);
        let both = kinds.map(|shape, kind| (shape.kind, *kind));
        assert!(both.iter().all(|(shape, both)| *both == (shape.kind, shape.kind)));
    }
}
