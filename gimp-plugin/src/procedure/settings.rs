//! What a call asks for.

use std::path::PathBuf;

/// Where the user's strokes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum HintsChoice {
    /// On the layer of the name `hints`, if there is one.
    #[default]
    Named,
    /// On the layer of this number.
    Layer(i32),
    /// Nowhere, even if there is such a layer.
    Nothing,
}

/// A picture in colors whose palette is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ReferenceChoice {
    /// A file.
    File(PathBuf),
    /// What is seen of an open image.
    Image(i32),
    /// A layer of any open image.
    Layer(i32),
}

impl ReferenceChoice {
    /// What the arguments of a call name: the layer before the image before the file.
    pub(crate) fn new(file: String, image: Option<i32>, layer: Option<i32>) -> Option<Self> {
        let file = (!file.is_empty()).then(|| Self::File(file.into()));
        layer.map(Self::Layer).or(image.map(Self::Image)).or(file)
    }
}

/// Which of the plausible colorings, the likeliest first.
pub(crate) const VARIANTS: std::ops::RangeInclusive<u8> = 1..=3;

/// The arguments that are settings. Layers and images are GIMP's numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Name or file; empty: the default.
    pub(crate) weights: String,
    /// Factor on chroma.
    pub(crate) saturation: f64,
    pub(crate) hints: HintsChoice,
    /// Whether the layer itself is changed.
    pub(crate) replace: bool,
    /// One of [`VARIANTS`].
    pub(crate) variant: u8,
    pub(crate) reference: Option<ReferenceChoice>,
    /// Whether scan borders are colored too.
    pub(crate) borders: bool,
    /// Whether the layer is a film negative.
    pub(crate) negative: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            weights: String::new(),
            saturation: 1.0,
            hints: HintsChoice::Named,
            replace: false,
            variant: *VARIANTS.start(),
            reference: None,
            borders: false,
            negative: false,
        }
    }
}

impl Settings {
    /// The same for another image: layers and open images belong to this one.
    pub(crate) fn elsewhere(self) -> Self {
        let file = |choice: &ReferenceChoice| matches!(choice, ReferenceChoice::File(_));
        Self { hints: HintsChoice::Named, reference: self.reference.filter(file), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_counts_before_an_image_and_an_image_before_a_file() {
        let choice = |image, layer| ReferenceChoice::new("a.jpg".to_owned(), image, layer);
        assert_eq!(choice(Some(3), Some(7)), Some(ReferenceChoice::Layer(7)));
        assert_eq!(choice(Some(3), None), Some(ReferenceChoice::Image(3)));
        assert_eq!(choice(None, None), Some(ReferenceChoice::File("a.jpg".into())));
        assert_eq!(ReferenceChoice::new(String::new(), None, None), None);
    }

    #[test]
    fn settings_for_another_image_name_nothing_of_this_one() {
        let settings = Settings {
            hints: HintsChoice::Layer(4),
            reference: Some(ReferenceChoice::Image(2)),
            variant: 2,
            ..Settings::default()
        };
        assert_eq!(settings.elsewhere(), Settings { variant: 2, ..Settings::default() });
    }
}
