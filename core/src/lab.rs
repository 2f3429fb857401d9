//! sRGB to CIE Lab (D65) and back; gamut mapping.
