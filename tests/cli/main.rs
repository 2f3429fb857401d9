//! End-to-end tests of `polychromify`.
