//! Errors of GIMP and its libraries.

/// Why GIMP cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A library is not there or does not load.
    #[error("cannot open `{library}`: {reason}")]
    Library {
        /// File name.
        library: String,
        /// The loader's reason.
        reason: String,
    },
    /// A library is there without a function that is needed.
    #[error("`{library}` has no `{symbol}`")]
    Symbol {
        /// File name.
        library: String,
        /// C name.
        symbol: String,
    },
    /// GIMP refused a call.
    #[error("GIMP's `{call}` failed{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Call {
        /// C name.
        call: &'static str,
        /// What GIMP says of it.
        reason: Option<String>,
    },
}
