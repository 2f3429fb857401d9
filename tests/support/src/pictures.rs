//! Pictures and profiles made in the test.

use std::borrow::Cow;
use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use moxcms::ColorProfile;
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;

/// A gray value, 0..=1, of a picture with flat parts, slopes, edges and grain.
pub fn gray(x: u32, y: u32, seed: u32) -> f64 {
    let slope = f64::from((x * 3 + y * 2 + seed * 37) % 256) / 255.0;
    let edge = if (x / 16 + y / 16 + seed).is_multiple_of(2) { 0.25 } else { 0.0 };
    let grain = f64::from((x * 7919 + y * 104_729 + seed) % 31) / 310.0;
    (slope * 0.65 + edge + grain).clamp(0.0, 1.0)
}

fn picture(width: u32, height: u32, seed: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| Luma([(gray(x, y, seed) * 255.0).round() as u8]))
}

fn encode(width: u32, height: u32, seed: u32, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(picture(width, height, seed)).write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// An 8-bit gray PNG without a profile.
pub fn png(width: u32, height: u32, seed: u32) -> Vec<u8> {
    encode(width, height, seed, ImageFormat::Png)
}

/// An 8-bit gray PNG of a photograph in a frame of light gray, `border` pixels wide.
pub fn framed_png(width: u32, height: u32, border: u32) -> Vec<u8> {
    let mut picture = picture(width, height, 1);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let inside = |at: u32, side: u32| (border..side - border).contains(&at);
        let shade = pixel.0[0] / 2 + 20;
        pixel.0[0] = if inside(x, width) && inside(y, height) { shade } else { 230 };
    }
    let mut out = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(picture).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

fn encode_rgb(picture: RgbImage) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

/// An 8-bit PNG of a black-and-white photograph in sepia, with grain in color.
pub fn sepia_png(width: u32, height: u32) -> Vec<u8> {
    encode_rgb(RgbImage::from_fn(width, height, |x, y| {
        let v = 0.1 + 0.8 * gray(x, y, 3);
        let grain = |c: u32| f64::from((x * 5051 + y * 7877 + c * 977) % 7) - 3.0;
        let toned = [v.powf(0.8), v, v.powf(1.3)];
        Rgb([0, 1, 2].map(|c| (toned[c] * 255.0 + grain(c as u32)).clamp(0.0, 255.0) as u8))
    }))
}

/// An 8-bit PNG of a photograph in color: patches of many hues, whatever their lightness.
pub fn color_png(width: u32, height: u32) -> Vec<u8> {
    encode_rgb(color(width, height))
}

fn color(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let v = 40.0 + 150.0 * gray(x, y, 4);
        let hue = f64::from((x / 8 * 3 + y / 8 * 5) % 7);
        Rgb([0.0, 2.1, 4.2].map(|c| (v + 40.0 * (hue + c).cos()).clamp(0.0, 255.0) as u8))
    })
}

/// An 8-bit gray JPEG without a profile.
pub fn jpeg(width: u32, height: u32, seed: u32) -> Vec<u8> {
    encode(width, height, seed, ImageFormat::Jpeg)
}

/// An 8-bit gray TIFF without a profile.
pub fn tiff(width: u32, height: u32, seed: u32) -> Vec<u8> {
    encode(width, height, seed, ImageFormat::Tiff)
}

/// A TIFF of several 8-bit gray pages.
pub fn tiff_pages(sizes: &[(u32, u32)]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    for (seed, &(width, height)) in (0..).zip(sizes) {
        let page = picture(width, height, seed);
        encoder.write_image::<colortype::Gray8>(width, height, page.as_raw()).unwrap();
    }
    out.into_inner()
}

/// A TIFF of 8-bit RGB pages, photographs in color or gray ones.
pub fn tiff_pages_in_color(width: u32, height: u32, colors: &[bool]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    for &in_color in colors {
        let page = if in_color {
            color(width, height)
        } else {
            DynamicImage::ImageLuma8(picture(width, height, 5)).into_rgb8()
        };
        encoder.write_image::<colortype::RGB8>(width, height, page.as_raw()).unwrap();
    }
    out.into_inner()
}

/// One photograph of each format.
pub fn each_format(width: u32, height: u32) -> [(&'static str, Vec<u8>); 3] {
    [
        ("a.jpg", jpeg(width, height, 1)),
        ("b.png", png(width, height, 2)),
        ("c.tif", tiff(width, height, 3)),
    ]
}

/// Gray with a gamma of 2.2.
pub fn gray_profile() -> Vec<u8> {
    ColorProfile::new_gray_with_gamma(2.2).encode().unwrap()
}

/// Adobe RGB (1998).
pub fn adobe_profile() -> Vec<u8> {
    ColorProfile::new_adobe_rgb().encode().unwrap()
}

/// Samples of a test picture, interleaved.
pub enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

impl Samples {
    /// Gray (1 channel) or RGB with a slight cast (3 channels) of [`gray`].
    pub fn of_gray(width: u32, height: u32, channels: u32, sixteen: bool) -> Self {
        let cast = [1.0, 0.96, 0.9];
        let values = (0..height)
            .flat_map(move |y| (0..width).map(move |x| gray(x, y, 5)))
            .flat_map(move |v| (0..channels as usize).map(move |channel| v * cast[channel]));
        if sixteen {
            Self::Sixteen(values.map(|v| (v * 65535.0).round() as u16).collect())
        } else {
            Self::Eight(values.map(|v| (v * 255.0).round() as u8).collect())
        }
    }

    /// Sample `index`, 0..=1.
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Self::Eight(samples) => f64::from(samples[index]) / 255.0,
            Self::Sixteen(samples) => f64::from(samples[index]) / 65535.0,
        }
    }
}

/// A PNG with a profile.
pub fn png_with(samples: &Samples, width: u32, height: u32, icc: &[u8]) -> Vec<u8> {
    let (bytes, depth, count) = match samples {
        Samples::Eight(samples) => (samples.clone(), png::BitDepth::Eight, samples.len()),
        Samples::Sixteen(samples) => (
            samples.iter().flat_map(|v| v.to_be_bytes()).collect(),
            png::BitDepth::Sixteen,
            samples.len(),
        ),
    };
    let mut info = png::Info::with_size(width, height);
    info.bit_depth = depth;
    info.color_type = if count == (width * height) as usize {
        png::ColorType::Grayscale
    } else {
        png::ColorType::Rgb
    };
    info.icc_profile = Some(Cow::Borrowed(icc));
    let mut out = Vec::new();
    let encoder = png::Encoder::with_info(&mut out, info).unwrap();
    encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
    out
}

/// A TIFF with a profile.
pub fn tiff_with(samples: &Samples, width: u32, height: u32, icc: &[u8]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    macro_rules! write {
        ($color:ty, $samples:expr) => {{
            let mut image = encoder.new_image::<$color>(width, height).unwrap();
            image.encoder().write_tag(Tag::IccProfile, icc).unwrap();
            image.write_data($samples).unwrap();
        }};
    }
    let pixels = (width * height) as usize;
    match samples {
        Samples::Eight(samples) if samples.len() == pixels => write!(colortype::Gray8, samples),
        Samples::Eight(samples) => write!(colortype::RGB8, samples),
        Samples::Sixteen(samples) if samples.len() == pixels => write!(colortype::Gray16, samples),
        Samples::Sixteen(samples) => write!(colortype::RGB16, samples),
    }
    out.into_inner()
}

/// A TIFF of 65,536 blank tiles that takes hours: each is the same 32 MiB of `PackBits`, nearly all of
/// which mean nothing.
pub fn slow_tiff() -> Vec<u8> {
    let (tiles, blank) = (1_u32 << 16, [129, 0, 129, 0]);
    let length = (32 << 20) + blank.len() as u32;
    let (places, counts) = (8 + length, 8 + length + 4 * tiles);
    let directory = counts + 4 * tiles;
    let mut file = [&b"II*\0"[..], &directory.to_le_bytes()].concat();
    file.resize(8 + (32 << 20), 128);
    file.extend(blank);
    for value in [8, length] {
        file.extend(value.to_le_bytes().repeat(tiles as usize));
    }
    let tags = [
        (256_u16, 1, 1 << 20), // width
        (257, 1, 16),          // height
        (258, 1, 8),           // bits
        (259, 1, 32773),       // PackBits
        (262, 1, 1),           // 0 is black
        (322, 1, 16),          // sides of a tile
        (323, 1, 16),
        (324, tiles, places),
        (325, tiles, counts),
    ];
    file.extend((tags.len() as u16).to_le_bytes());
    for (tag, count, value) in tags {
        file.extend([tag.to_le_bytes(), 4_u16.to_le_bytes()].concat());
        file.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    file.extend([0; 4]);
    file
}
