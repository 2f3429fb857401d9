//! Values of options: how they are spelled, and which are refused.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{IntoResettable, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, ValueEnum};
use log::LevelFilter;
use polychromify_core::{Arithmetic, DeviceChoice, Format, RgbSpace, SATURATION, SourceType};
use serde::{Deserialize, Serialize};

/// What an option can be set to: a name, what is said of it, and what it stands for.
pub(crate) type Choices<T> = [(&'static str, &'static str, T)];

/// A format; `None`: the source's.
pub(crate) type FormatChoice = Option<Format>;

pub(crate) const FORMATS: &Choices<FormatChoice> = &[
    ("same", "Each result in its scan's format", None),
    ("tiff", "", Some(Format::Tiff)),
    ("png", "", Some(Format::Png)),
    ("jpeg", "", Some(Format::Jpeg)),
    ("webp", "Without loss, 8 bit", Some(Format::Webp)),
];

pub(crate) const SPACES: &Choices<RgbSpace> = &[
    ("srgb", "", RgbSpace::Srgb),
    ("adobe-rgb", "", RgbSpace::AdobeRgb),
    ("display-p3", "", RgbSpace::DisplayP3),
    ("prophoto", "", RgbSpace::ProPhoto),
];

pub(crate) const SOURCE_TYPES: &Choices<SourceType> = &[
    (
        "composite",
        "compositeWithTrainedAlgorithmicMedia: a trained model added to the original",
        SourceType::CompositeWithTrainedAlgorithmicMedia,
    ),
    (
        "enhanced",
        "algorithmicallyEnhanced: an algorithm improved the original",
        SourceType::AlgorithmicallyEnhanced,
    ),
];

pub(super) const DEVICES: &Choices<DeviceChoice> = &[
    ("auto", "CUDA where it is to be had, else the CPU", DeviceChoice::Auto),
    ("cpu", "", DeviceChoice::Cpu),
    ("cuda", "", DeviceChoice::Cuda),
];

pub(super) const PRECISIONS: &Choices<Arithmetic> = &[
    (
        "f32",
        "24 bits of mantissa; the last bits differ from processor to processor",
        Arithmetic::F32,
    ),
    ("bf16", "8 bits of mantissa on processors with AVX-512 BF16, f32 on others", Arithmetic::Bf16),
    (
        "integers",
        "Integers, for weights that hold them: the same colors on every machine",
        Arithmetic::Integers,
    ),
];

/// Reads one of `choices` by its name.
pub(super) fn one_of<T: Clone + Send + Sync>(
    choices: &'static Choices<T>,
) -> impl TypedValueParser<Value = T> {
    let names = choices.iter().map(|(name, help, _)| {
        PossibleValue::new(*name).help((!help.is_empty()).then_some(*help).into_resettable())
    });
    PossibleValuesParser::new(names).map(|name| {
        let named = choices.iter().find(|(known, ..)| *known == name);
        named.expect("clap lets these names pass").2.clone()
    })
}

/// Options that are off, and on by their name alone or with `true`.
pub(super) trait Switch {
    fn switch(self, require_equals: bool) -> Self;
}

impl Switch for Arg {
    fn switch(self, require_equals: bool) -> Self {
        let arg = self.action(ArgAction::Set).num_args(0..=1).require_equals(require_equals);
        arg.default_value("false").default_missing_value("true").value_name("BOOL")
    }
}

/// `--borders`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Borders {
    /// Found, not shown to the network and left neutral
    #[default]
    Auto,
    /// Taken for part of the photograph and colored with it
    Keep,
}

/// `--codec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Codec {
    /// FFV1 in Matroska, without loss: the luma is the source's, bit for bit
    #[default]
    Ffv1,
    /// Apple `ProRes` 422 HQ (4444 where chroma is not halved) in MOV, to edit
    Prores,
    /// H.264 in MP4, to look at
    H264,
}

impl Codec {
    /// Names of results end with it.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Ffv1 => "mkv",
            Self::Prores => "mov",
            Self::H264 => "mp4",
        }
    }
}

/// `--on-success`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnSuccessName {
    /// It stays where it is
    #[default]
    Keep,
    /// It moves below --move-to; nothing is replaced there
    Move,
    /// It is deleted
    Delete,
}

/// `--io-class`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IoClass {
    Idle,
    BestEffort,
}

/// `--log-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line an event: time, level, file and message
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// `--log-level`.
pub(super) fn log_level() -> impl TypedValueParser<Value = LevelFilter> {
    PossibleValuesParser::new(["error", "warn", "info", "debug", "trace"])
        .map(|name| name.parse().expect("each is the name of a level"))
}

/// Reads `5`, `0.5` (seconds), `250ms`, `5s`, `5m`, `2h`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as 5 (seconds), 500ms, 5s, 5m or 2h".to_owned();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// Reads a time that is long enough not to keep the machine busy.
pub(super) fn parse_pause(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_millis(100);
    match parse_duration(text)? {
        time if time >= LEAST => Ok(time),
        _ => Err("expected at least 100ms".to_owned()),
    }
}

pub(super) fn parse_saturation(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if SATURATION.contains(&value) => Ok(value),
        _ => Err(format!("expected a number from {} to {}", SATURATION.start(), SATURATION.end())),
    }
}

/// Frames a second, as a fraction.
pub(super) fn parse_rate(text: &str) -> Result<(u64, u64), String> {
    let (over, under) = text.split_once('/').unwrap_or((text, "1"));
    match (over.parse(), under.parse()) {
        (Ok(over @ 1..=240_000), Ok(under @ 1..=1_001)) if over <= 240 * under => Ok((over, under)),
        _ => Err("a number of frames from 1 to 240, or a fraction such as 24000/1001".to_owned()),
    }
}

pub(super) fn parse_steadiness(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}

/// `--keyframe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keyframe {
    /// At which its frame is shown.
    pub(crate) milliseconds: i64,
    /// The frame's number, if it is one of a sequence and this is a whole number.
    pub(crate) number: Option<u32>,
    pub(crate) path: PathBuf,
}

/// Reads `12.4=frame.png`, `1:02:12.4=frame.png` and `1042=frame.png`.
pub(super) fn parse_keyframe(text: &str) -> Result<Keyframe, String> {
    let wrong = || {
        "expected TIME=PICTURE or NUMBER=PICTURE, such as 12.4=frame.png or 1042=frame.png"
            .to_owned()
    };
    let (time, path) = text.split_once('=').ok_or_else(wrong)?;
    let mut seconds = 0.0;
    for part in time.split(':') {
        let is_number = part.chars().all(|c| c.is_ascii_digit() || c == '.');
        let part: f64 = part.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
        seconds = 60.0 * seconds + part;
    }
    if path.is_empty() || time.split(':').count() > 3 || seconds > 1e9 {
        return Err(wrong());
    }
    let milliseconds = (1000.0 * seconds).round() as i64;
    Ok(Keyframe { milliseconds, number: time.parse().ok(), path: path.into() })
}

/// Least memory that is of any use: a few bands of a wide scan.
const LEAST_MEMORY: u64 = 16 << 20;

/// Reads `1500000000`, `512M`, `2GiB` (powers of 1024) and `2GB` (powers of 1000).
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size such as 512M or 2G".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit = unit.trim().to_ascii_lowercase();
    let (letter, base) = match unit.strip_suffix("ib").map(|letter| (letter, 1024)) {
        Some(binary) => binary,
        None => unit.strip_suffix('b').map_or((unit.as_str(), 1024), |letter| (letter, 1000)),
    };
    let power = match letter {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(wrong()),
    };
    let bytes = u64::pow(base, power).checked_mul(number).ok_or_else(wrong)?;
    if bytes < LEAST_MEMORY {
        return Err("expected at least 16M".to_owned());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_powers_of_1024_and_of_1000() {
        assert_eq!(parse_size("1G"), Ok(1 << 30));
        assert_eq!(parse_size("512MiB"), Ok(512 << 20));
        assert_eq!(parse_size("2GB"), Ok(2_000_000_000));
        assert_eq!(parse_size("20000000"), Ok(20_000_000));
        for wrong in ["", "G", "1X", "-1G", "1.5G", "99999999999T", "1K"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn saturation_is_a_finite_number_from_0_to_4() {
        assert_eq!(parse_saturation("1.5"), Ok(1.5));
        for wrong in ["-0.1", "4.1", "nan", "inf", "much"] {
            assert!(parse_saturation(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_seconds_or_carry_their_unit() {
        for (text, milliseconds) in [
            ("5", 5000),
            ("0.5", 500),
            ("250ms", 250),
            ("5s", 5000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)));
        }
        let keyframe =
            |milliseconds, number| Ok(Keyframe { milliseconds, number, path: "a=b.png".into() });
        assert_eq!(parse_keyframe("12.4=a=b.png"), keyframe(12_400, None));
        assert_eq!(parse_keyframe("1:02:12.4=a=b.png"), keyframe(3_732_400, None));
        assert_eq!(parse_keyframe("0012=a=b.png"), keyframe(12_000, Some(12)));
        for wrong in ["", "12", "=a", "1=", "1:2:3:4=a", "-1=a", "1e3=a", "inf=a", "1:=a"] {
            assert!(parse_keyframe(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "s", "-1", "1d", "1e9", "1.2.3", "inf"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert!(parse_pause("0").is_err());
    }
}
