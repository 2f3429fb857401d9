use crate::clips::{film, have_ffmpeg, make, pictures, program, told};
use crate::folder::Folder;

/// Planar YUV and gray whose samples lie otherwise.
struct Arranged {
    name: &'static str,
    pixels: &'static str,
    /// Where luma lies in a frame: the first byte, bytes of a sample, bytes from one to the next.
    place: (usize, usize, usize),
    /// Bytes of a frame for one of luma's samples, as a fraction.
    bytes: (usize, usize),
    /// Of the result.
    result: &'static str,
}

const ARRANGED: &[Arranged] = &[
    Arranged {
        name: "uyvy.mov",
        pixels: "uyvy422",
        place: (1, 1, 2),
        bytes: (2, 1),
        result: "yuv422p",
    },
    Arranged {
        name: "yuyv.avi",
        pixels: "yuyv422",
        place: (0, 1, 2),
        bytes: (2, 1),
        result: "yuv422p",
    },
    Arranged {
        name: "nv12.avi",
        pixels: "nv12",
        place: (0, 1, 1),
        bytes: (3, 2),
        result: "yuv420p",
    },
    Arranged {
        name: "gray16be.mov",
        pixels: "gray16be",
        place: (0, 2, 2),
        bytes: (2, 1),
        result: "yuv444p16le",
    },
    Arranged {
        name: "420-10be.nut",
        pixels: "yuv420p10be",
        place: (0, 2, 2),
        bytes: (3, 1),
        result: "yuv420p10le",
    },
];

/// Luma of all frames, picked from their bytes, a sample of two bytes the lower one first.
fn picked(arranged: &Arranged, bytes: &[u8], pixels: usize) -> Vec<u8> {
    let (first, width, step) = arranged.place;
    let of_frame = pixels * arranged.bytes.0 / arranged.bytes.1;
    let mut luma = Vec::new();
    for frame in bytes.chunks_exact(of_frame) {
        for sample in frame[first..].chunks(step).take(pixels) {
            luma.extend(sample[..width].iter().rev());
        }
    }
    luma
}

#[test]
fn luma_that_lies_otherwise_in_frames_is_kept() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/a", "");
    for Arranged { name, pixels, .. } in ARRANGED {
        let pictures = pictures("66x50", 24, 0.25);
        make(&folder, &format!("{pictures} -pix_fmt {pixels} -c:v rawvideo in/{name}"));
    }
    film(&folder, ["in", "-o", "out"]).code(0);
    for arranged in ARRANGED {
        let Arranged { name, pixels, result, .. } = arranged;
        let raw = "-c:v rawvideo -f rawvideo -";
        let source = program(&folder, "ffmpeg", &format!("-nostdin -i in/{name} {raw}")).stdout;
        let expected = picked(arranged, &source, 66 * 50);
        let shown = format!("-nostdin -i out/{name}.mkv -vf extractplanes=y {raw}");
        assert!(program(&folder, "ffmpeg", &shown).stdout == expected, "{name}");
        assert_eq!(expected.len(), 6 * 66 * 50 * arranged.place.1, "{name}");
        assert_eq!(told(&folder, &format!("in/{name}"), "stream=pix_fmt"), of(pixels));
        assert_eq!(told(&folder, &format!("out/{name}.mkv"), "stream=pix_fmt"), of(result));
    }
}

fn of(pixels: &str) -> String {
    format!("pix_fmt={pixels}\n")
}
