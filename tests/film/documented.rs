//! The tables of what is tested, in docs/film.md: they are those of the tests.

use crate::{arranged, kept, rgb};

const DOCUMENT: &str = include_str!("../../docs/film.md");

const TESTS: &[&str] = &[
    include_str!("arranged.rs"),
    include_str!("borders.rs"),
    include_str!("dpx.rs"),
    include_str!("kept.rs"),
    include_str!("rgb.rs"),
    include_str!("sequences.rs"),
];

/// Lines of the table below these words.
fn table(words: &str) -> Vec<&'static str> {
    let (_, after) = DOCUMENT.split_once(words).expect("the document has it");
    let lines = after.lines().skip_while(|line| !line.starts_with('|'));
    lines.take_while(|line| line.starts_with('|')).skip(2).collect()
}

/// A row, of a name such as `a.mkv` and arguments of ffmpeg such as `-pix_fmt gray -c:v ffv1`.
fn row(name: &str, coded: &str, kept: &str, result: &str) -> String {
    let after = |words: &[&str]| {
        let place = words.iter().find_map(|word| Some(coded.find(word)? + word.len()));
        let rest = &coded[place.expect("it tells that")..];
        rest.split([' ', ',']).next().unwrap().to_owned()
    };
    let (pixels, codec) = (after(&["-pix_fmt ", "format="]), after(&["-c:v "]));
    let container = name.rsplit('.').next().unwrap();
    let range = ["tv", "pc"].into_iter().find(|range| coded.contains(&format!("range {range}")));
    let range = range.map(|range| format!(", {range}")).unwrap_or_default();
    format!("| {pixels}{range} | {codec} in {container} | {kept} | {result} |")
}

#[test]
fn the_table_of_pixel_formats_is_that_of_the_tests() {
    let of_kept = kept::KINDS.iter().map(|kind| {
        let result = format!("{}, {}, {}", kind.pixels, kind.range, kind.space);
        row(kind.name, kind.coded, "luma", &result)
    });
    let of_arranged = arranged::ARRANGED.iter().map(|kind| {
        row(kind.name, &format!("-pix_fmt {} -c:v rawvideo", kind.pixels), "luma", kind.result)
    });
    let of_rgb = rgb::KINDS
        .iter()
        .map(|kind| row(kind.name, kind.coded, "lightness", &format!("{}, pc, gbr", kind.result)));
    let expected: Vec<String> = of_kept.chain(of_arranged).chain(of_rgb).collect();
    let found = table("`tests/film` colors clips");
    assert!(found == expected, "docs/film.md has to have these rows:\n{}", expected.join("\n"));
}

#[test]
fn the_tests_that_the_table_of_all_else_names_are_there() {
    let rows = table("Beside these");
    assert!(rows.len() >= 10);
    for row in rows {
        let name = row.rsplit('`').nth(1).expect("a test in backticks");
        let test = format!("#[test]\nfn {name}() {{");
        assert!(TESTS.iter().any(|source| source.contains(&test)), "{row}");
    }
}
