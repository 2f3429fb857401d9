//! Color: sRGB to CIE Lab and back, and color profiles.

pub mod lab;
pub mod output_profiles;
pub mod profile;
