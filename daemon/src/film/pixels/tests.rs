use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

/// Size of the frame that is rearranged.
const SIZE: (usize, usize) = (66, 50);

#[test]
fn names_tell_depth_shape_and_range() {
    let read = |name| Pixels::of(name).map(|p| (p.depth, p.model, p.full_range));
    assert_eq!(read("gray"), Ok((8, Model::Gray, false)));
    assert_eq!(read("gray16le"), Ok((16, Model::Gray, false)));
    assert_eq!(read("yuv420p"), Ok((8, Model::Yuv(ChromaShape::S420), false)));
    assert_eq!(read("yuvj422p"), Ok((8, Model::Yuv(ChromaShape::S422), true)));
    assert_eq!(read("yuv444p10le"), Ok((10, Model::Yuv(ChromaShape::S444), false)));
    assert_eq!(read("uyvy422"), Ok((8, Model::Yuv(ChromaShape::S422), false)));
    assert_eq!(read("gray16be"), Ok((16, Model::Gray, false)));
    assert_eq!(read("bgr0"), Ok((8, Model::Rgb, false)));
    assert_eq!(read("gbrp12be"), Ok((12, Model::Rgb, false)));
}

#[test]
fn what_is_not_handled_is_named() {
    assert_eq!(Pixels::of("yuva444p10le"), Err(Refusal::Alpha));
    for name in ["pal8", "rgb565le", "rgb8", "x2rgb10le", "gbrpf32le"] {
        assert_eq!(Pixels::of(name), Err(Refusal::Rgb(name.to_owned())), "{name}");
    }
    for name in ["nv16", "uyyvyy411", "y210be", "monob", "xyz12le", "grayf32le", "grayf32be"] {
        assert_eq!(Pixels::of(name), Err(Refusal::PixelFormat(name.to_owned())), "{name}");
    }
}

/// Where samples lie in a frame.
#[derive(Clone, Copy)]
struct Place {
    /// The first byte, and bytes from one to the next.
    first: usize,
    step: usize,
}

/// Where the samples of the planes that are taken lie: luma, or green, blue and red.
fn places(name: &str) -> Vec<Place> {
    let packed = |firsts: &[usize], step| {
        firsts.iter().map(|&first| Place { first, step }).collect::<Vec<_>>()
    };
    let plane = SIZE.0 * SIZE.1 * 2;
    match name {
        "uyvy422" => packed(&[1], 2),
        "yuyv422" | "yvyu422" => packed(&[0], 2),
        "y210le" => packed(&[0], 4),
        "rgb24" => packed(&[1, 2, 0], 3),
        "bgr24" => packed(&[1, 0, 2], 3),
        "rgb0" => packed(&[1, 2, 0], 4),
        "bgr0" => packed(&[1, 0, 2], 4),
        "0rgb" => packed(&[2, 3, 1], 4),
        "0bgr" => packed(&[2, 1, 3], 4),
        "rgb48le" | "rgb48be" => packed(&[2, 4, 0], 6),
        "bgr48le" | "bgr48be" => packed(&[2, 0, 4], 6),
        name if name.starts_with("gbrp") => packed(&[0, plane, 2 * plane], 2),
        name if name.ends_with("le") || name.ends_with("be") => packed(&[0], 2),
        _ => packed(&[0], 1),
    }
}

/// Numbers that look like noise, of so many bits.
fn noise(count: usize, bits: u8) -> Vec<u16> {
    let mut number = 1_u32;
    let mut next = || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 16) as u16 >> (16 - bits)
    };
    (0..count).map(|_| next()).collect()
}

/// A frame with these samples in the planes that are taken, and other bytes elsewhere.
fn frame(name: &str, pixels: &Pixels, samples: &[u16], other: u8) -> Vec<u8> {
    let is_high = ["p0", "p2", "p4", "y2"].iter().any(|start| name.starts_with(start));
    let mut frame = vec![other; bytes(name, pixels)];
    for (place, plane) in places(name).into_iter().zip(samples.chunks(SIZE.0 * SIZE.1)) {
        for (i, &sample) in plane.iter().enumerate() {
            let sample = if is_high { sample << (16 - pixels.depth) } else { sample };
            let at = place.first + i * place.step;
            let bytes = match pixels.depth {
                8 => vec![sample as u8],
                _ if name.ends_with("be") => sample.to_be_bytes().to_vec(),
                _ => sample.to_le_bytes().to_vec(),
            };
            frame[at..at + bytes.len()].copy_from_slice(&bytes);
        }
    }
    frame
}

/// Bytes of a frame.
fn bytes(name: &str, pixels: &Pixels) -> usize {
    let plane = SIZE.0 * SIZE.1 * if pixels.depth > 8 { 2 } else { 1 };
    match pixels.model {
        Model::Gray => plane,
        Model::Yuv(ChromaShape::S420) => plane * 3 / 2,
        Model::Yuv(ChromaShape::S422) => plane * 2,
        Model::Rgb if name.contains('0') && pixels.depth == 8 => plane * 4,
        Model::Yuv(ChromaShape::S444) | Model::Rgb => plane * 3,
    }
}

/// What ffmpeg makes of a frame.
fn rearranged(name: &str, pixels: &Pixels, frame: &[u8]) -> Vec<u8> {
    let size = format!("{}x{}", SIZE.0, SIZE.1);
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-f", "rawvideo", "-pix_fmt", name, "-s", &size, "-i", "pipe:0"]);
    command.args(["-vf", &pixels.planes(), "-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"]);
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = started.unwrap();
    child.stdin.take().unwrap().write_all(frame).unwrap();
    child.wait_with_output().unwrap().stdout
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn no_sample_changes_on_the_way_to_planes() {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        assert!(std::env::var_os("POLYCHROMIFY_READERS").is_none(), "ffmpeg is missing");
        println!("skipped: there is no ffmpeg");
        return;
    }
    let mut names: Vec<String> = ARRANGED.iter().map(|(name, _)| (*name).to_owned()).collect();
    for start in ["gray", "yuv420p", "yuv422p", "yuv444p", "gbrp"] {
        names.extend([9, 10, 12, 14, 16].map(|depth| format!("{start}{depth}be")));
    }
    for name in names {
        let pixels = Pixels::of(&name).unwrap();
        let samples = noise(places(&name).len() * SIZE.0 * SIZE.1, pixels.depth);
        let expected: Vec<u8> = if pixels.depth == 8 {
            samples.iter().map(|&sample| sample as u8).collect()
        } else {
            samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
        };
        for other in [0, 1] {
            let frame = frame(&name, &pixels, &samples, other);
            assert!(rearranged(&name, &pixels, &frame) == expected, "{name}");
        }
    }
}
