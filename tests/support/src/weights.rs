//! Small seeded weights: a few kilobytes of the convolutional dense family, trained on nothing.

use std::fs;

use serde_json::{Map, json};

/// Path of the small weights.
pub const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/tiny.safetensors");

/// Path of the small weights.
pub fn tiny() -> &'static str {
    TINY
}

/// Channels of each layer, the input's first: an encoder and a decoder layer of 3x3 around two
/// dense layers of 1x1.
const LAYERS: [(&str, usize, usize, usize); 5] = [
    ("encoder.0", 1, 4, 3),
    ("dense.0", 4, 8, 1),
    ("dense.1", 8, 4, 1),
    ("decoder.0", 4, 4, 3),
    ("output", 4, 2, 3),
];

/// A weights file with these names of network and layers.
pub fn file(network: &str, layers: &[(&str, usize, usize, usize)]) -> Vec<u8> {
    let mut random = Random(0x706f_6c79);
    let (mut header, mut data) = (Map::new(), Vec::new());
    header.insert(
        "__metadata__".to_owned(),
        json!({
            "polychromify.network": network,
            "polychromify.config": json!({"neurons": [8, 4], "filters": [4, 4]}).to_string(),
            "polychromify.training": json!({"data": "none", "seed": random.0}).to_string(),
        }),
    );
    for &(name, inputs, outputs, kernel) in layers {
        let limit = (6.0 / ((inputs + outputs) * kernel * kernel) as f32).sqrt();
        let mut add = |suffix: &str, shape: &[usize]| {
            let start = data.len();
            for _ in 0..shape.iter().product() {
                data.extend((random.next() * limit).to_le_bytes());
            }
            header.insert(
                format!("{name}.{suffix}"),
                json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]}),
            );
        };
        add("bias", &[outputs]);
        add("weight", &[outputs, inputs, kernel, kernel]);
    }
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes(), header.as_slice(), &data].concat()
}

/// The small network, as if it were trained on something else.
pub fn others() -> Vec<u8> {
    let mut file = fs::read(TINY).unwrap();
    let at = file.windows(4).position(|bytes| bytes == b"none").unwrap();
    file[at..at + 4].copy_from_slice(b"some");
    file
}

/// The small network under another network's name.
pub fn of_another_network() -> Vec<u8> {
    file("vivacious", &LAYERS)
}

/// The small network with one layer that is too wide.
pub fn of_another_shape() -> Vec<u8> {
    let mut layers = LAYERS;
    layers[1].2 = 9;
    file("conv_dense", &layers)
}

/// A generator of numbers in -1..1 (Marsaglia's xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

#[test]
fn the_small_weights_are_what_this_file_makes() {
    let made = file("conv_dense", &LAYERS);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(TINY, &made).unwrap();
        panic!("{TINY} was written; run again without UPDATE_GOLDEN");
    }
    assert!(fs::read(TINY).unwrap() == made, "run once with UPDATE_GOLDEN=1 to rewrite {TINY}");
}
