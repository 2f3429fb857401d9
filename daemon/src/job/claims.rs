//! Which contents are in work, so that of equal files under several names only one is colored.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::stop::Stop;

/// Hashes of the inputs in work.
#[derive(Debug, Default)]
pub(crate) struct ContentClaims {
    claimed: Mutex<HashSet<String>>,
    released: Condvar,
}

/// Holds a content until it is dropped.
pub(super) struct Claim<'a> {
    claims: &'a ContentClaims,
    content: String,
}

impl ContentClaims {
    pub(super) fn claim(&self, content: &str, stop: &Stop) -> Result<Claim<'_>> {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        while claimed.contains(content) {
            if stop.is_asked() {
                return Err(polychromify_core::Error::Cancelled.into());
            }
            let patience = Duration::from_millis(200);
            let waited = self.released.wait_timeout(claimed, patience);
            claimed = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        claimed.insert(content.to_owned());
        Ok(Claim { claims: self, content: content.to_owned() })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut claimed = self.claims.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.remove(&self.content);
        self.claims.released.notify_all();
    }
}
