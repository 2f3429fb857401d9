//! What GIMP knows of the plug-in.

use crate::gimp::in_each;

/// What scripts set, in this order.
const SETTINGS: [&str; 10] = [
    "weights",
    "saturation",
    "hints",
    "replace",
    "variant",
    "reference-file",
    "reference-image",
    "reference-layer",
    "borders",
    "negative",
];

/// Its name and arguments are what scripts call.
#[test]
fn the_procedure_is_registered_with_its_menu_path_and_arguments() {
    in_each(|gimp| {
        let registered = gimp.registered();
        let start = registered.find("\"plug-in-polychromify-colorize\"");
        let start = start.unwrap_or_else(|| panic!("not in GIMP {}'s pluginrc", gimp.version));
        let text = &registered[start..];
        let entry = &text[..text.find("(plug-in-def").unwrap_or(text.len())];
        assert!(entry.contains(r#"(menu-path "<Image>/Colors")"#), "{entry}");
        assert!(entry.replace('_', "").contains(r#""Colorize with Polychromify...""#), "{entry}");
        let drawable = if gimp.is_3() { "drawables" } else { "drawable" };
        let mut rest = entry;
        for name in ["run-mode", "image", drawable].into_iter().chain(SETTINGS) {
            let quoted = format!("\"{name}\"");
            let at = rest.find(&quoted).unwrap_or_else(|| panic!("{name} in its place: {entry}"));
            rest = &rest[at + quoted.len()..];
        }
    });
}
