//! The XMP packet of a result, with the label that its colors are machine-made.

use super::Label;

/// A new packet with the label.
pub(super) fn packet(_existing: Option<&[u8]>, label: &Label) -> String {
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF \
         xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" \
         xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmp:CreatorTool=\"{}\"/></rdf:RDF>\
         </x:xmpmeta><?xpacket end=\"w\"?>",
        label.software
    )
}
