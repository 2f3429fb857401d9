//! A bag (RFC 8493): a copy of an output folder's files, packed for delivery.
//!
//! The files are those of `manifest-sha256.txt`, under `data/`; the ledger stays behind. The bag is
//! packed under a hidden name beside its own, each file hashed as it is copied, and appears whole.

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use polychromify_core::hexadecimal;
use sha2::{Digest, Sha256};

use super::listing::{self, CHECKSUMS, Escapes, Lines};
use super::table::TABLE;
use crate::error::{Error, Result};
use crate::files::{fingerprint, own, publish};
use crate::ledger;
use crate::plan;
use crate::report;
use crate::settings::SOFTWARE;

/// What a bag says of itself: RFC 8493, section 2.1.1.
const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// Packs the files that the manifest of `folder` lists into the new bag `to`; gives their number.
///
/// # Errors
///
/// When `to` is there already or lies in `folder` or the reverse, a file is not what is listed or has
/// a name that a bag cannot list, or something cannot be read or written. Then nothing is left at `to`.
pub(super) fn pack(folder: &Path, to: &Path) -> Result<u64> {
    let to = plan::resolve(to)?;
    if to.symlink_metadata().is_ok() {
        return Err(Error::Occupied { path: to });
    }
    if to.starts_with(folder) || folder.starts_with(&to) {
        return Err(Error::BagInOutput { bag: to, output: folder.to_path_buf() });
    }
    let parent = to.parent().unwrap_or(Path::new("/"));
    own::create_all(parent)?;
    refuse_names(folder)?;
    let name = to.file_name().unwrap_or_default();
    let hidden = publish::hidden_name(name, ".polychromify-bag.tmp", publish::LONGEST_NAME);
    let temporary = parent.join(hidden);
    own::remove_folder(&temporary)?; // of a bag that was interrupted
    let packed = fill(folder, &temporary).and_then(|files| {
        publish::rename_to_free(&temporary, &to).map_err(Error::io(&to, "write"))?;
        publish::sync_folder(parent)?;
        Ok(files)
    });
    if packed.is_err() {
        own::remove_folder(&temporary)?;
    }
    packed
}

/// Calls `each` with the files that the manifest of a folder lists.
fn listed(folder: &Path, each: &mut dyn FnMut(String, PathBuf) -> Result<()>) -> Result<()> {
    let list = folder.join(CHECKSUMS);
    let file = own::open(&list)?;
    let mut lines = Lines::new(BufReader::new(file));
    while let Some((_, line)) = lines.next().map_err(Error::io(&list, "read"))? {
        if let Some((sha256, below)) = listing::parse(line, Escapes::Coreutils) {
            each(sha256, below)?;
        }
    }
    Ok(())
}

/// Refuses names that other programs would not find again: the list of a bag is UTF-8 (RFC 8493,
/// section 2.2.2), and spaces at the ends of its lines go.
fn refuse_names(folder: &Path) -> Result<()> {
    listed(folder, &mut |_, below| {
        let reason = match below.to_str() {
            _ if listing::leads_through_link(folder, &below) => "which leads through a link",
            None => "which is not UTF-8 as RFC 8493 asks for",
            Some(name) if name.ends_with(char::is_whitespace) => "which ends with a space",
            Some(_) => return Ok(()),
        };
        Err(Error::BagName { path: folder.join(below), reason })
    })
}

fn fill(folder: &Path, bag: &Path) -> Result<u64> {
    own::create_folder(bag)?;
    let payload = bag.join(CHECKSUMS);
    let mut manifest = BufWriter::new(own::create_new(&payload)?);
    let (mut bytes, mut files) = (0, 0);
    listed(folder, &mut |sha256, below| {
        let data = Path::new("data").join(&below);
        publish::create_folders(bag, &data)?;
        let (found, length) = copy(&folder.join(&below), &bag.join(&data))?;
        if found != sha256 {
            return Err(Error::SourceChanged { path: folder.join(&below) });
        }
        bytes += length;
        files += 1;
        let line = listing::bag_line(&sha256, &data);
        manifest.write_all(&line).map_err(Error::io(&payload, "write"))
    })?;
    let synced = manifest.flush().and_then(|()| manifest.get_ref().sync_all());
    synced.map_err(Error::io(&payload, "sync"))?;
    let today = report::timestamp(ledger::now());
    let information = format!(
        "Bag-Software-Agent: {SOFTWARE}\nBagging-Date: {}\nPayload-Oxum: {bytes}.{files}\n\
         Internal-Sender-Description: Photographs colored by a program; {TABLE} tells of what.\n",
        today.split('T').next().unwrap_or_default()
    );
    publish::write_new(&bag.join("bagit.txt"), DECLARATION.as_bytes())?;
    publish::write_new(&bag.join("bag-info.txt"), information.as_bytes())?;
    let mut tags = Vec::new();
    for name in ["bag-info.txt", "bagit.txt", CHECKSUMS] {
        let sha256 = fingerprint::sha256(&bag.join(name))?;
        tags.extend(listing::bag_line(&sha256, Path::new(name)));
    }
    publish::write_new(&bag.join("tagmanifest-sha256.txt"), &tags)?;
    publish::sync_folder(bag)?;
    Ok(files)
}

/// Copies a file, synced, with its time; gives its SHA-256 and length.
fn copy(from: &Path, to: &PathBuf) -> Result<(String, u64)> {
    let (mut source, mut target) = (own::open(from)?, own::create_new(to)?);
    let (mut hasher, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = source.read(&mut buffer).map_err(Error::io(from, "read"))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        target.write_all(&buffer[..read]).map_err(Error::io(to, "write"))?;
        length += read as u64;
    }
    let keep_time = || {
        target.set_modified(source.metadata()?.modified()?)?;
        target.sync_all()
    };
    keep_time().map_err(Error::io(to, "sync"))?;
    Ok((hexadecimal(&hasher.finalize()), length))
}
