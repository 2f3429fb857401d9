//! Rows of a scan in order, from its file or from the samples kept of it.

use polychromify_image::{Header, Limits, Reader, Result, Samples, SamplesRef};

/// One pass over the rows of a scan.
pub(crate) struct Rows<'a> {
    limits: Limits,
    source: Source<'a>,
    width: usize,
    height: usize,
    channels: usize,
    y: usize,
}

enum Source<'a> {
    File { reader: &'a mut Reader, band: Samples },
    Kept(&'a Samples),
}

impl<'a> Rows<'a> {
    pub(crate) fn new(
        limits: &Limits,
        header: &Header,
        reader: &'a mut Reader,
        kept: Option<&'a Samples>,
    ) -> Result<Self> {
        let source = if let Some(kept) = kept {
            Source::Kept(kept)
        } else {
            reader.start()?;
            Source::File { reader, band: Samples::new(header.layout.depth) }
        };
        let (width, height) = (header.width as usize, header.height as usize);
        let limits = limits.clone();
        Ok(Self { limits, source, width, height, channels: header.layout.channels(), y: 0 })
    }

    /// Pixels a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The next band of at most `rows` rows; `None` after the last.
    pub(crate) fn next(&mut self, rows: usize) -> Result<Option<SamplesRef<'_>>> {
        let rows = rows.max(1).min(self.height - self.y);
        if rows == 0 {
            return Ok(None);
        }
        self.limits.check_time()?;
        let first = self.y;
        self.y += rows;
        match &mut self.source {
            Source::Kept(samples) => {
                let stride = self.width * self.channels;
                Ok(Some(samples.slice(first * stride..self.y * stride)))
            }
            Source::File { reader, band } => {
                band.clear();
                reader.read_rows(rows, band)?;
                if self.y == self.height {
                    reader.finish()?;
                }
                Ok(Some(band.all()))
            }
        }
    }
}
