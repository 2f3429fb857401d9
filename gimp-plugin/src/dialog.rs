//! What a dialog offers and shows, whichever GIMP shows it.

/// What a dialog shows of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PreviewUpdate {
    /// A picture, sRGB of 8 bits, row by row.
    Picture { width: u32, height: u32, rgb: Vec<u8> },
    /// Why there is no picture.
    Text(String),
}

/// What a dialog offers.
#[derive(Clone, Debug)]
pub(crate) struct DialogOptions {
    /// Names of weights, the default first.
    pub(crate) names: Vec<String>,
    /// Longest side of a preview in pixels.
    pub(crate) preview_side: u32,
}

impl DialogOptions {
    /// Values of the setting `weights`, each with its text: the default, which is the empty value,
    /// the other names, and `current` if it is none of them.
    pub(crate) fn weights(&self, current: &str) -> Vec<(String, String)> {
        let default = self.names.first().map(|name| format!("{name} (default)"));
        let mut options = vec![(String::new(), default.unwrap_or_default())];
        let others = self.names.iter().skip(1).map(String::as_str);
        for name in others.chain([current]) {
            if !options.iter().any(|(value, _)| value == name) {
                options.push((name.to_owned(), name.to_owned()));
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_offers_the_default_the_others_and_what_was_chosen_last() {
        let names = vec!["first".to_owned(), "second".to_owned()];
        let options = DialogOptions { names, preview_side: 100 };
        let offered = |current: &str| -> Vec<(String, String)> { options.weights(current) };
        let pair = |value: &str, text: &str| (value.to_owned(), text.to_owned());
        let known = [pair("", "first (default)"), pair("second", "second")];
        assert_eq!(offered(""), known);
        assert_eq!(offered("second"), known);
        let file = "/photos/own.safetensors";
        assert_eq!(offered(file)[..2], known);
        assert_eq!(offered(file)[2..], [pair(file, file)]);
    }
}
