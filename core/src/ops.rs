//! Fast CPU operations under the networks.
