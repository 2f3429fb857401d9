//! Pictures made in the test, and what they look like.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use polychromify_image::color::lab::Lab;
use polychromify_train::evaluate::ciede2000::ciede2000;

pub(crate) const WIDTH: u32 = 151; // odd, and no multiple of anything
pub(crate) const HEIGHT: u32 = 107;

/// A kind of picture that GIMP opens and the plug-in colors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Rgb8,
    Rgba16,
    Gray8,
    AdobeRgb8,
}

impl Kind {
    fn sixteen(self) -> bool {
        self == Self::Rgba16
    }

    fn channels(self) -> usize {
        match self {
            Self::Gray8 => 1,
            Self::Rgba16 => 4,
            Self::Rgb8 | Self::AdobeRgb8 => 3,
        }
    }

    /// How far CIE L* may be from the source's, at any pixel, which is rounding.
    pub(crate) fn rounding(self) -> f32 {
        if self.sixteen() { 0.02 } else { 0.5 }
    }
}

/// Channel values, 0..=1, with slopes, edges and grain; RGB with a slight cast; the alpha falls
/// from opaque to transparent.
fn sample(x: u32, y: u32, channel: usize) -> f64 {
    let slope = f64::from((x * 3 + y * 2) % 256) / 255.0;
    let edge = if (x / 16 + y / 16).is_multiple_of(2) { 0.25 } else { 0.0 };
    let grain = f64::from((x * 7919 + y * 104_729) % 31) / 620.0;
    let gray = 0.1 + slope * 0.5 + edge + grain;
    match channel {
        3 => (1.2 - 1.3 * f64::from(x) / f64::from(WIDTH)).clamp(0.0, 1.0),
        _ => gray * [1.0, 0.97, 0.93][channel],
    }
}

/// A PNG of this kind.
pub(crate) fn png(kind: Kind) -> Vec<u8> {
    let samples = (0..HEIGHT)
        .flat_map(|y| (0..WIDTH).map(move |x| (x, y)))
        .flat_map(|(x, y)| (0..kind.channels()).map(move |channel| sample(x, y, channel)));
    let bytes: Vec<u8> = if kind.sixteen() {
        samples.flat_map(|v| ((v * 65535.0).round() as u16).to_be_bytes()).collect()
    } else {
        samples.map(|v| (v * 255.0).round() as u8).collect()
    };
    let mut info = png::Info::with_size(WIDTH, HEIGHT);
    info.bit_depth = if kind.sixteen() { png::BitDepth::Sixteen } else { png::BitDepth::Eight };
    info.color_type = match kind.channels() {
        1 => png::ColorType::Grayscale,
        4 => png::ColorType::Rgba,
        _ => png::ColorType::Rgb,
    };
    if kind == Kind::AdobeRgb8 {
        info.icc_profile = Some(Cow::Owned(adobe_profile()));
    }
    let mut out = Vec::new();
    let encoder = png::Encoder::with_info(&mut out, info).unwrap();
    encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
    out
}

/// A PNG of the same lightness in reds and browns.
pub(crate) fn reddish() -> Vec<u8> {
    rgb(|x, y| {
        let v = sample(x, y, 0);
        [(1.25 * v).min(1.0), 0.75 * v, 0.55 * v]
    })
}

/// A PNG with a white border around the picture.
pub(crate) fn bordered() -> Vec<u8> {
    let inside = |x: u32, y: u32| (12..WIDTH - 12).contains(&x) && (10..HEIGHT - 10).contains(&y);
    rgb(|x, y| [if inside(x, y) { 0.7 * sample(x, y, 0) } else { 0.97 }; 3])
}

fn rgb(pixel: impl Fn(u32, u32) -> [f64; 3]) -> Vec<u8> {
    let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    let bytes: Vec<u8> =
        pixels.flat_map(|(x, y)| pixel(x, y).map(|v| (v * 255.0).round() as u8)).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
    out
}

/// A profile of Adobe RGB (1998): matrix and gamma (ICC.1:2001-04), colorants under D50 from
/// brucelindbloom.com.
fn adobe_profile() -> Vec<u8> {
    let fixed = |v: f64| ((v * 65536.0).round() as i32).to_be_bytes();
    let xyz = |v: [f64; 3]| [b"XYZ \0\0\0\0".as_slice(), v.map(fixed).as_flattened()].concat();
    let text = |kind: &[u8; 4], start: &[u8], rest: usize| {
        [kind, [0; 4].as_slice(), start, b"Adobe RGB\0", &vec![0; rest]].concat()
    };
    let curve = [b"curv\0\0\0\0\0\0\0\x01".as_slice(), &[2, 51, 0, 0]].concat(); // 2 + 51/256
    let tags = [
        (b"desc", text(b"desc", &10_u32.to_be_bytes(), 80)),
        (b"cprt", text(b"text", b"", 2)),
        (b"wtpt", xyz([0.9642, 1.0, 0.8249])),
        (b"rXYZ", xyz([0.6097559, 0.3111242, 0.0194811])),
        (b"gXYZ", xyz([0.2052401, 0.6256560, 0.0608902])),
        (b"bXYZ", xyz([0.1492240, 0.0632197, 0.7448387])),
        (b"rTRC", curve.clone()),
        (b"gTRC", curve.clone()),
        (b"bTRC", curve),
    ];
    let (mut table, mut data) = ((tags.len() as u32).to_be_bytes().to_vec(), Vec::new());
    for (name, mut content) in tags {
        let at = 128 + 4 + 12 * 9 + data.len() as u32;
        table
            .extend([*name, at.to_be_bytes(), (content.len() as u32).to_be_bytes()].as_flattened());
        content.resize(content.len().next_multiple_of(4), 0);
        data.extend(content);
    }
    let mut header = vec![0; 128];
    let size = (128 + table.len() + data.len()) as u32;
    header[..4].copy_from_slice(&size.to_be_bytes());
    header[8..12].copy_from_slice(&[2, 0x20, 0, 0]);
    header[12..24].copy_from_slice(b"mntrRGB XYZ ");
    header[36..40].copy_from_slice(b"acsp");
    header[68..80].copy_from_slice([0.9642, 1.0, 0.8249].map(fixed).as_flattened());
    [header, table, data].concat()
}

/// What a picture looks like.
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) sixteen: bool,
    pub(crate) colors: Vec<Lab>,
    /// 0..=1.
    pub(crate) alpha: Vec<f32>,
}

impl Picture {
    /// Reads a PNG in sRGB, or in Adobe RGB if that is its profile.
    pub(crate) fn read(path: &Path) -> Self {
        let file = BufReader::new(File::open(path).unwrap());
        let mut decoder = png::Decoder::new(file);
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        let sixteen = frame.bit_depth == png::BitDepth::Sixteen;
        let samples: Vec<f32> = if sixteen {
            let samples = bytes.as_chunks().0.iter().map(|&v| u16::from_be_bytes(v));
            samples.map(|v| f32::from(v) / 65535.0).collect()
        } else {
            bytes.iter().map(|&v| f32::from(v) / 255.0).collect()
        };
        let adobe = reader.info().icc_profile.as_deref().is_some_and(|icc| icc == adobe_profile());
        let lab = |rgb: [f32; 3]| if adobe { adobe_to_lab(rgb) } else { Lab::from_srgb(rgb) };
        let pixels = samples.chunks_exact(frame.color_type.samples());
        let split = |pixel: &[f32]| match *pixel {
            [v] => (lab([v; 3]), 1.0),
            [v, alpha] => (lab([v; 3]), alpha),
            [r, g, b] => (lab([r, g, b]), 1.0),
            [r, g, b, alpha] => (lab([r, g, b]), alpha),
            _ => unreachable!("PNG has 1 to 4 channels"),
        };
        let (colors, alpha) = pixels.map(split).unzip();
        Self { width: frame.width, height: frame.height, sixteen, colors, alpha }
    }

    /// Pixels that are seen.
    fn visible(&self) -> impl Iterator<Item = usize> {
        (0..self.colors.len()).filter(|&i| self.alpha[i] > 0.02)
    }

    /// The greatest difference of CIE L* at a pixel that is seen.
    #[track_caller]
    pub(crate) fn lightness_from(&self, other: &Self) -> f32 {
        self.same_size(other);
        let differences = self.visible().map(|i| (self.colors[i].l - other.colors[i].l).abs());
        differences.fold(0.0, f32::max)
    }

    /// Mean CIEDE2000 over the pixels that are seen.
    #[track_caller]
    pub(crate) fn color_from(&self, other: &Self) -> f64 {
        self.same_size(other);
        let differences = self.visible().map(|i| ciede2000(self.colors[i], other.colors[i]));
        differences.sum::<f64>() / self.visible().count() as f64
    }

    /// The greatest difference of alpha, 0..=1.
    #[track_caller]
    pub(crate) fn alpha_from(&self, other: &Self) -> f32 {
        self.same_size(other);
        let pairs = self.alpha.iter().zip(&other.alpha);
        pairs.map(|(one, two)| (one - two).abs()).fold(0.0, f32::max)
    }

    /// Mean chroma of the pixels that are seen.
    pub(crate) fn chroma(&self) -> f32 {
        let chroma = self.visible().map(|i| self.colors[i].chroma());
        chroma.sum::<f32>() / self.visible().count() as f32
    }

    pub(crate) fn at(&self, x: u32, y: u32) -> Lab {
        self.colors[(y * self.width + x) as usize]
    }

    #[track_caller]
    fn same_size(&self, other: &Self) {
        assert_eq!((self.width, self.height), (other.width, other.height));
    }
}

/// Adobe RGB (1998) to Lab, through linear sRGB (matrices of brucelindbloom.com, both under D65).
fn adobe_to_lab(rgb: [f32; 3]) -> Lab {
    let [r, g, b] = rgb.map(|v| f64::from(v).powf(563.0 / 256.0));
    let x = 0.5767309 * r + 0.1855540 * g + 0.1881852 * b;
    let y = 0.2973769 * r + 0.6273491 * g + 0.0752741 * b;
    let z = 0.0270343 * r + 0.0706872 * g + 0.9911085 * b;
    Lab::from_linear([
        (3.2404542 * x - 1.5371385 * y - 0.4985314 * z) as f32,
        (-0.9692660 * x + 1.8760108 * y + 0.0415560 * z) as f32,
        (0.0556434 * x - 0.2040259 * y + 1.0572252 * z) as f32,
    ])
}
