//! Keys of the configuration file: the long names of options.

/// Options that say how the configuration is read: they are no part of it.
pub(super) const ABOUT_IT: &[&str] = &["config", "print_config"];

/// The key of an option in the file.
pub(super) fn key(id: &str) -> String {
    id.replace('_', "-")
}
