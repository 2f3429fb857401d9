//! Random streams: one seed for a run, one independent stream for each purpose.
//!
//! A stream depends on the seed and on what it is for, never on what was drawn before. So a run
//! that is resumed in epoch 7 shuffles as the uninterrupted one did, and a layer starts with the
//! same weights wherever it is built.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The stream of a `seed` for a purpose, such as `weights/conv1.weight` or `order/3`.
pub(crate) fn stream(seed: u64, purpose: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(purpose);
    ChaCha8Rng::from_seed(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn a_stream_depends_on_seed_and_purpose_alone() {
        let draw = |seed, purpose| stream(seed, purpose).random::<u64>();
        assert_eq!(draw(1, "order/3"), draw(1, "order/3"));
        assert_ne!(draw(1, "order/3"), draw(2, "order/3"));
        assert_ne!(draw(1, "order/3"), draw(1, "order/4"));
    }

    #[test]
    fn streams_are_the_same_on_every_machine_and_in_every_version() {
        assert_eq!(stream(0, "order/0").random::<u64>(), 13965555557445141348);
    }
}
