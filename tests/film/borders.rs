use crate::clips::{film, have_ffmpeg, make, program};
use crate::folder::Folder;

/// Bars of a dark gray, 16 columns wide, left and right of 64 x 48.
const PILLARS: &str = "pad=96:48:16:0:color=0x181818";

#[test]
fn what_lies_beside_the_picture_gets_no_color() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "").file("frames/b", "");
    let pictures = "-f lavfi -i testsrc2=s=64x48:r=8:d=1";
    let gray = format!("-vf {PILLARS},format=gray -color_range pc");
    make(&folder, &format!("{pictures} {gray} -c:v ffv1 in/a.mkv"));
    make(&folder, &format!("{pictures} {gray} frames/scan_%03d.png"));
    film(&folder, ["in", "-o", "out"]).code(0);
    film(&folder, ["frames", "-o", "out"]).code(0);
    for colored in ["out/a.mkv", "out/scan_%03d.png"] {
        let rgb = "-pix_fmt rgb24 -c:v rawvideo -f rawvideo -";
        let shown = program(&folder, "ffmpeg", &format!("-nostdin -i {colored} {rgb}")).stdout;
        assert_eq!(shown.len(), 8 * 3 * 96 * 48, "{colored}");
        let is_gray =
            |pixel: &[u8]| pixel[0].abs_diff(pixel[1]).max(pixel[2].abs_diff(pixel[1])) < 2;
        // Next to the edge pixels may be of either side, by their lightness.
        let beside = |at: usize| !(15..81).contains(&(at % 96));
        let pixels = || shown.chunks(3).enumerate();
        let colored_beside = pixels().filter(|(at, pixel)| beside(*at) && !is_gray(pixel)).count();
        let colored_inside = pixels().filter(|(at, pixel)| !beside(*at) && !is_gray(pixel)).count();
        assert_eq!(colored_beside, 0, "{colored}");
        assert!(colored_inside > shown.len() / 3 / 4, "{colored}: {colored_inside}");
    }
}
