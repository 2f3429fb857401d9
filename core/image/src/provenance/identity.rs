//! Identifiers and times of a label.

use std::time::SystemTime;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::label::Label;

/// `DocumentID` and `InstanceID`: the first is the same for all results of one source, the second
/// for all files that were made in the same way at the same time. Empty where the source is
/// unknown.
pub(crate) fn identifiers(label: &Label) -> [String; 2] {
    if label.source_sha256.is_empty() {
        return [String::new(), String::new()];
    }
    let document = uuid(&["document", &label.source_sha256]);
    let instance = uuid(&[
        "instance",
        &label.source_sha256,
        &label.source,
        &label.software,
        &label.weights_sha256,
        &label.settings,
        label.source_type.term(),
        &label.rendition,
        &timestamp(label.when),
    ]);
    [format!("xmp.did:{document}"), format!("xmp.iid:{instance}")]
}

/// A UUID made of a hash: RFC 9562, section 5.8 and appendix B.2.
fn uuid(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let hash = hasher.finalize();
    let mut bytes: [u8; 16] = std::array::from_fn(|i| hash[i]);
    bytes[6] = 0x80 | (bytes[6] & 0x0F); // version 8
    bytes[8] = 0x80 | (bytes[8] & 0x3F); // variant of the RFC
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A time as XMP has it (ISO 8601, UTC, whole seconds); empty for none.
pub(crate) fn timestamp(when: Option<SystemTime>) -> String {
    let whole = when.and_then(|when| Timestamp::try_from(when).ok()).and_then(|time| {
        Timestamp::from_second(time.as_second()).ok() // towards zero
    });
    whole.map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_depends_on_each_part_and_says_its_version() {
        let one = uuid(&["a", "bc"]);
        assert_ne!(one, uuid(&["ab", "c"]));
        assert_eq!(one, uuid(&["a", "bc"]));
        assert_eq!((one.len(), &one[14..15]), (36, "8"), "{one}");
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
