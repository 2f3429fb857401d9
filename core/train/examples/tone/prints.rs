//! Toned and damaged black-and-white prints, made of photographs.

use image::{DynamicImage, Rgb, RgbImage, imageops};
use polychromify_image::color::lab::Lab;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// How a print got its cast.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Neutral,
    Sepia,
    Cyanotype,
    Selenium,
    Yellowed,
    Split,
    /// Red, green and blue seen with different curves.
    Scanner,
}

pub(crate) const KINDS: [Kind; 7] = [
    Kind::Neutral,
    Kind::Sepia,
    Kind::Cyanotype,
    Kind::Selenium,
    Kind::Yellowed,
    Kind::Split,
    Kind::Scanner,
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Sepia => "sepia",
            Self::Cyanotype => "cyanotype",
            Self::Selenium => "selenium",
            Self::Yellowed => "yellowed",
            Self::Split => "split tone",
            Self::Scanner => "scanner",
        }
    }
}

/// A toned print as a scanner sees it.
pub(crate) struct Print {
    pub(crate) picture: RgbImage,
    /// `None`: it is not compressed.
    pub(crate) jpeg_quality: Option<u8>,
    /// What happened to it.
    pub(crate) told: String,
}

/// Prints a photograph, of at most 1200 pixels a side.
pub(crate) fn print(photograph: &DynamicImage, kind: Kind, random: &mut ChaCha8Rng) -> Print {
    let longest = photograph.width().max(photograph.height());
    let gray = if longest > 1200 {
        photograph.resize(1200, 1200, imageops::FilterType::Triangle).to_luma8()
    } else {
        photograph.to_luma8()
    };
    let faded = random.random_bool(0.5);
    let (black, white) = if faded {
        (random.random_range(0.0..0.25), random.random_range(0.75..1.0))
    } else {
        (0.0, 1.0)
    };
    let tone = tone(kind, random);
    let mut picture = RgbImage::from_fn(gray.width(), gray.height(), |x, y| {
        let v = black + (white - black) * f32::from(gray.get_pixel(x, y).0[0]) / 255.0;
        Rgb(tone(v).map(|v| (v * 255.0 + 0.5) as u8))
    });
    let mut told = Vec::new();
    let mut happens = |share: f64, what: &'static str, random: &mut ChaCha8Rng| {
        let happens = random.random_bool(share);
        if happens {
            told.push(what);
        }
        happens
    };
    if happens(0.4, "uneven", random) {
        yellow_unevenly(&mut picture, random);
    }
    if happens(0.2, "stains", random) {
        stain(&mut picture, random);
    }
    if happens(0.15, "stamp", random) {
        stamp(&mut picture, random);
    }
    if happens(0.3, "grain", random) {
        let strength = random.random_range(3.0..17.0);
        picture.as_mut().iter_mut().for_each(|v| {
            // The sum of two even distributions, of a standard deviation of 2 to 7.
            let noise: f32 = random.random_range(-0.5..0.5) + random.random_range(-0.5..0.5);
            *v = (f32::from(*v) + strength * noise).round() as u8;
        });
    }
    if happens(0.3, "misregistered", random) {
        picture = misregister(&picture, random);
    }
    if happens(0.25, "mount", random) {
        picture = mount(&picture, random);
    }
    if happens(0.15, "control strip", random) {
        picture = control_strip(&picture, random);
    }
    let jpeg_quality = happens(0.7, "JPEG", random).then(|| random.random_range(35..=95));
    Print { picture, jpeg_quality, told: told.join(", ") }
}

/// From a gray value to red, green and blue, all 0..=1.
fn tone(kind: Kind, random: &mut ChaCha8Rng) -> Box<dyn Fn(f32) -> [f32; 3]> {
    let mut color = |degrees: std::ops::Range<f32>, chroma: std::ops::Range<f32>| {
        let (sin, cos) = random.random_range(degrees).to_radians().sin_cos();
        let chroma = random.random_range(chroma);
        [chroma * cos, chroma * sin]
    };
    let [shadows, lights] = match kind {
        Kind::Neutral => [[0.0; 2]; 2],
        Kind::Sepia => [color(45.0..95.0, 5.0..35.0); 2],
        Kind::Cyanotype => [color(220.0..285.0, 5.0..45.0), [0.0; 2]],
        Kind::Selenium => [color(300.0..380.0, 2.0..14.0), [0.0; 2]],
        Kind::Yellowed => [[0.0; 2], color(60.0..105.0, 4.0..30.0)],
        Kind::Split => [color(0.0..360.0, 3.0..20.0), color(0.0..360.0, 3.0..20.0)],
        Kind::Scanner => {
            let gamma: [f32; 3] =
                std::array::from_fn(|_| random.random_range(-0.35_f32..0.35).exp());
            let white: [f32; 3] = std::array::from_fn(|_| random.random_range(0.75..1.0));
            let black: [f32; 3] = std::array::from_fn(|_| random.random_range(0.0..0.12));
            return Box::new(move |v| {
                std::array::from_fn(|c| black[c] + (white[c] - black[c]) * v.powf(gamma[c]))
            });
        }
    };
    let power = random.random_range(0.4..1.6_f32);
    Box::new(move |v| {
        let l = Lab::from_srgb([v; 3]).l;
        let t = (l / 100.0).clamp(0.0, 1.0);
        // Sepia is strongest in the middle, the others at one end.
        let (dark, light) = match kind {
            Kind::Sepia => ((4.0 * t * (1.0 - t)).powf(power), 0.0),
            Kind::Split => (1.0 - t, t),
            _ => ((1.0 - t).powf(power), t.powf(power)),
        };
        let [a, b] = [0, 1].map(|i| dark * shadows[i] + light * lights[i]);
        Lab { l, a, b }.to_srgb_clipped()
    })
}

/// Takes light away from blue most, by `share` (0..=1) of each pixel.
fn yellow(picture: &mut RgbImage, share: impl Fn(f32, f32) -> f32) {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let share = share(x as f32 / width, y as f32 / height);
        for (v, loss) in pixel.0.iter_mut().zip([0.15, 0.4, 1.0]) {
            *v = (f32::from(*v) * (1.0 - loss * share)) as u8;
        }
    }
}

fn yellow_unevenly(picture: &mut RgbImage, random: &mut ChaCha8Rng) {
    let strength = random.random_range(0.03..0.25);
    let waves: Vec<[f32; 3]> = (0..3)
        .map(|_| {
            let (fx, fy) = (random.random_range(-6.0..6.0), random.random_range(-6.0..6.0));
            [fx, fy, random.random_range(0.0..std::f32::consts::TAU)]
        })
        .collect();
    yellow(picture, |x, y| {
        let sum: f32 = waves.iter().map(|[fx, fy, phase]| (fx * x + fy * y + phase).sin()).sum();
        strength * (sum + 3.0) / 6.0
    });
}

fn stain(picture: &mut RgbImage, random: &mut ChaCha8Rng) {
    for _ in 0..random.random_range(1..5) {
        let (cx, cy): (f32, f32) = (random.random_range(0.0..1.0), random.random_range(0.0..1.0));
        let (radius, strength) = (random.random_range(0.03..0.12), random.random_range(0.1..0.5));
        yellow(picture, |x, y| {
            let outside = ((x - cx).hypot(y - cy) - radius) / (0.15 * radius);
            strength / (1.0 + outside.exp())
        });
    }
}

/// Lines of ink in one color.
fn stamp(picture: &mut RgbImage, random: &mut ChaCha8Rng) {
    let (width, height) = picture.dimensions();
    let size = (
        (width as f32 * random.random_range(0.08..0.25)) as u32 + 1,
        (height as f32 * random.random_range(0.05..0.15)) as u32 + 1,
    );
    let at = (random.random_range(0..=width - size.0), random.random_range(0..=height - size.1));
    let ink: [u8; 3] = random.random();
    let line = (size.1 / 8).max(1);
    for (x, y) in (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y))) {
        if (y / line).is_multiple_of(2) || (x / line).is_multiple_of(3) {
            let pixel = picture.get_pixel_mut(at.0 + x, at.1 + y);
            for (v, ink) in pixel.0.iter_mut().zip(ink) {
                *v = ((u16::from(*v) + 4 * u16::from(ink)) / 5) as u8;
            }
        }
    }
}

/// Moves red and blue by up to 1.5 pixels for each 500 of the shorter side.
fn misregister(picture: &RgbImage, random: &mut ChaCha8Rng) -> RgbImage {
    let reach = 1.5 * (picture.width().min(picture.height()) as f32 / 500.0).max(0.25);
    let shifts: [f32; 4] = std::array::from_fn(|_| random.random_range(-reach..reach));
    let seen = |x: u32, y: u32, dx: f32, dy: f32| {
        let within = |v: f32, side: u32| v.clamp(0.0, side as f32 - 1.0);
        let x = within(x as f32 + dx, picture.width());
        let y = within(y as f32 + dy, picture.height());
        imageops::interpolate_bilinear(picture, x, y).expect("within the picture").0
    };
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let red = seen(x, y, shifts[0], shifts[1])[0];
        let blue = seen(x, y, shifts[2], shifts[3])[2];
        Rgb([red, picture.get_pixel(x, y).0[1], blue])
    })
}

fn mount(picture: &RgbImage, random: &mut ChaCha8Rng) -> RgbImage {
    let (width, height) = picture.dimensions();
    let side = (random.random_range(0.03..0.12) * width.min(height) as f32) as u32 + 1;
    let white: f32 = random.random_range(215.0..255.0);
    let paper = [0.0, random.random_range(0.0..12.0), random.random_range(0.0..40.0)];
    let paper = Rgb(paper.map(|loss| (white - loss) as u8));
    let mut mounted = RgbImage::from_pixel(width + 2 * side, height + 2 * side, paper);
    imageops::replace(&mut mounted, picture, side.into(), side.into());
    mounted
}

/// Colors of a control strip of 1925, on the picture's lower edge.
fn control_strip(picture: &RgbImage, random: &mut ChaCha8Rng) -> RgbImage {
    const PATCHES: [[u8; 3]; 9] = [
        [40, 60, 160],
        [0, 150, 200],
        [0, 150, 70],
        [240, 220, 20],
        [220, 30, 40],
        [200, 60, 150],
        [250, 250, 250],
        [120, 120, 120],
        [10, 10, 10],
    ];
    let (width, height) = picture.dimensions();
    let side = (random.random_range(0.03..0.09) * height as f32) as u32 + 1;
    let mut with_strip = RgbImage::from_fn(width, height + side, |x, _| {
        Rgb(PATCHES[(x as usize * PATCHES.len() / width as usize).min(PATCHES.len() - 1)])
    });
    imageops::replace(&mut with_strip, picture, 0, 0);
    with_strip
}
