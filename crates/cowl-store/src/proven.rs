//! Statements whose signatures have been checked, with the bytes to keep.

use std::fmt;
use std::ops::Deref;

use cowl_domain::party::{BindingError, verify_first_binding, verify_next_binding};
use cowl_domain::{KeyBinding, PartyId, PartyKeys, Signed, Statement, StatementError, Verified};

/// A checked statement together with its signed bytes. Only the checks below make one.
#[derive(Clone)]
pub struct Proven<T> {
    signed: Signed<T>,
    verified: Verified<T>,
}

impl<T: Statement> fmt::Debug for Proven<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proven{:?}", self.signed)
    }
}

impl<T: Statement> Proven<T> {
    /// Checks the signature against the signer's keys.
    ///
    /// # Errors
    /// What [`Signed::verify`] says.
    pub fn check(signed: Signed<T>, keys: &PartyKeys) -> Result<Self, StatementError> {
        let verified = signed.verify(keys)?;
        Ok(Self { signed, verified })
    }
}

impl Proven<KeyBinding> {
    /// Checks a party's first binding.
    ///
    /// # Errors
    /// What [`verify_first_binding`] says.
    pub fn first_binding(signed: Signed<KeyBinding>) -> Result<Self, BindingError> {
        let verified = verify_first_binding(&signed)?;
        Ok(Self { signed, verified })
    }

    /// Checks a binding that continues `known`.
    ///
    /// # Errors
    /// What [`verify_next_binding`] says.
    pub fn next_binding(known: &Self, signed: Signed<KeyBinding>) -> Result<Self, BindingError> {
        let verified = verify_next_binding(&known.verified, &signed)?;
        Ok(Self { signed, verified })
    }
}

impl<T> Proven<T> {
    /// The signed form.
    pub fn signed(&self) -> &Signed<T> {
        &self.signed
    }

    /// The checked statement.
    pub fn verified(&self) -> &Verified<T> {
        &self.verified
    }

    /// Who signed it.
    pub fn signer(&self) -> PartyId {
        self.verified.signer()
    }
}

impl<T> Deref for Proven<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.verified
    }
}
