//! How frames are turned to be shown upright, as a display matrix tells.

use serde_json::Value;

use super::refusal::Refusal;

/// How frames are turned to be shown upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// ffmpeg's filters; empty: they are upright.
    pub(super) filters: &'static str,
    /// Whether width and height change places.
    pub(super) on_side: bool,
}

/// Signs of x by x, y by x, x by y and y by y, and what that asks for. The matrix takes a stored
/// place to a shown one: x' = a x + c y, y' = b x + d y, y downwards (ISO/IEC 14496-12, 6.2.2).
const TURNS: &[([i8; 4], Turn)] = &[
    ([1, 0, 0, 1], Turn { filters: "", on_side: false }),
    ([-1, 0, 0, 1], Turn { filters: "hflip", on_side: false }),
    ([1, 0, 0, -1], Turn { filters: "vflip", on_side: false }),
    ([-1, 0, 0, -1], Turn { filters: "hflip,vflip", on_side: false }),
    ([0, 1, -1, 0], Turn { filters: "transpose=clock", on_side: true }),
    ([0, -1, 1, 0], Turn { filters: "transpose=cclock", on_side: true }),
    ([0, 1, 1, 0], Turn { filters: "transpose=cclock_flip", on_side: true }),
    ([0, -1, -1, 0], Turn { filters: "transpose=clock_flip", on_side: true }),
];

impl Turn {
    /// Reads what ffprobe tells of a stream.
    pub(super) fn of(stream: &Value) -> Result<Self, Refusal> {
        let sides = stream["side_data_list"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(text) = sides.iter().find_map(|side| side["displaymatrix"].as_str()) else {
            return Ok(Self::default());
        };
        let rows: Vec<Vec<i64>> = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(_, row)| row.split_whitespace().filter_map(|n| n.parse().ok()).collect())
            .collect();
        let [first, second, ..] = rows.as_slice() else { return Ok(Self::default()) };
        let ([a, b, _], [c, d, _]) = (first.as_slice(), second.as_slice()) else {
            return Ok(Self::default());
        };
        let signs = [a, b, c, d].map(|number| number.signum() as i8);
        let known = TURNS.iter().find(|(of, _)| *of == signs);
        known.map(|(_, turn)| *turn).ok_or(Refusal::Angle)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn turn(matrix: &str) -> Result<Turn, Refusal> {
        Turn::of(&json!({"side_data_list": [{"displaymatrix": matrix}]}))
    }

    #[test]
    fn quarters_and_mirrors_are_known_and_other_angles_refused() {
        assert_eq!(Turn::of(&json!({})), Ok(Turn::default()));
        let quarter = "\n00000000:            0       65536           0\n\
                       00000001:       -65536           0           0\n\
                       00000002:            0           0  1073741824\n";
        let turned = Turn { filters: "transpose=clock", on_side: true };
        assert_eq!(turn(quarter), Ok(turned));
        let odd = quarter.replace("           0       65536", "       46340       46340");
        assert_eq!(turn(&odd), Err(Refusal::Angle));
    }
}
