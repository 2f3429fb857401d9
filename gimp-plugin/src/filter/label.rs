//! The label that tells that an image's colors are machine-made.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use polychromify_core::{Label, Limits, SourceType, Vocabulary, hexadecimal, label_packet};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::network::Network;
use crate::procedure::Settings;

/// The file that the image was read from, being hashed on a thread of its own.
pub(super) struct SourceFile {
    path: Option<PathBuf>,
    hash: Option<JoinHandle<io::Result<String>>>,
}

impl SourceFile {
    /// Starts to hash a file, if there is one.
    pub(super) fn start_hashing(path: Option<PathBuf>) -> Self {
        let hash = path.clone().map(|path| thread::spawn(move || sha256(path)));
        Self { path, hash }
    }

    /// The label of colors by this network. A file that cannot be read is named without its hash.
    pub(super) fn label(
        self,
        network: &Network,
        settings: &Settings,
        hints: Option<String>,
    ) -> Label {
        let name = self.path.as_deref().and_then(|path| path.file_name());
        let hash = self.hash.and_then(|hash| hash.join().ok()?.ok());
        let mut settings_text = vec![format!("calculated in {}", network.arithmetic())];
        if settings.saturation != 1.0 {
            settings_text.push(format!("saturation {}", settings.saturation));
        }
        if settings.variant > 1 {
            settings_text.push(format!("variant {}", settings.variant));
        }
        if settings.borders {
            settings_text.push("scan borders colored too".to_owned());
        }
        if settings.negative {
            settings_text.push("lightness of a negative inverted".to_owned());
        }
        settings_text.extend(hints);
        settings_text
            .extend(settings.reference.as_ref().map(|_| "palette of a reference".to_owned()));
        Label {
            software: concat!("Polychromify ", env!("CARGO_PKG_VERSION")).to_owned(),
            weights: network.name.clone(),
            weights_sha256: network.sha256.clone(),
            source: name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            source_sha256: hash.unwrap_or_default(),
            settings: settings_text.join(", "),
            source_type: SourceType::default(),
            when: Some(SystemTime::now()),
            rendition: String::new(),
        }
    }
}

/// The image's XMP packet with the label. GIMP 2.10 keeps properties of public standards only.
pub(super) fn packet(existing: Option<&str>, label: &Label) -> String {
    let existing = existing.map(str::as_bytes);
    let limits = Limits::new(u64::MAX, u64::MAX);
    label_packet(existing, label, Vocabulary::Standard, &limits)
        .expect("it has all the time there is")
        .0
}

/// The label as JSON, for GIMP's own files.
pub(super) fn to_json(label: &Label) -> String {
    let mut value = json!({
        "software": label.software,
        "weights": label.weights,
        "weights_sha256": label.weights_sha256,
    });
    let more = [
        ("source", &label.source),
        ("source_sha256", &label.source_sha256),
        ("settings", &label.settings),
    ];
    for (name, text) in more.into_iter().filter(|(_, text)| !text.is_empty()) {
        value[name] = json!(text);
    }
    value.to_string()
}

fn sha256(path: PathBuf) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut Hasher(&mut hasher))?;
    Ok(hexadecimal(&hasher.finalize()))
}

struct Hasher<'a>(&'a mut Sha256);

impl io::Write for Hasher<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
