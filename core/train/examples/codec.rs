//! Seconds that decoding and encoding alone take: a scan is decoded, and a colored one encoded
//! again, by the libraries and at the settings of `polychromify batch`, on one core.
//!
//!     codec SCAN.jpg COLORED.jpg AGAIN.jpg
#![expect(clippy::print_stdout, reason = "the result")]

use std::error::Error;
use std::time::Instant;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use polychromify_train::Allocator;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scan, colored, again] = arguments.as_slice() else {
        return Err("usage: codec SCAN.jpg COLORED.jpg AGAIN.jpg".into());
    };
    let decode = |path: &str, space| {
        let options = DecoderOptions::default().jpeg_set_out_colorspace(space);
        let mut decoder =
            JpegDecoder::new_with_options(ZCursor::new(std::fs::read(path)?), options);
        let samples = decoder.decode()?;
        let size = decoder.dimensions().ok_or("no size")?;
        Ok::<_, Box<dyn Error>>((samples, size))
    };
    let (rgb, (width, height)) = decode(colored, ColorSpace::RGB)?;
    let start = Instant::now();
    decode(scan, ColorSpace::Luma)?;
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
    encoder.encode(&rgb, width as u16, height as u16, ColorType::Rgb)?;
    std::fs::write(again, bytes)?;
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}
