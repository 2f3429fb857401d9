//! Manifests of an output folder: `manifest.csv` says what each result is and was made of,
//! `manifest-sha256.txt` lists every file with its SHA-256, as `sha256sum -c` and BagIt
//! (RFC 8493) read it.
//!
//! They follow from the ledger and the folder, and can be written at any time. Each is replaced whole,
//! and only if nobody changed it. A bag has its files in a folder `data`: it is packed from an output
//! folder as a copy (`bag`).

mod bag;
pub(crate) mod listing;
mod rows;
pub(crate) mod table;

use std::path::Path;

use crate::cli::Manifest;
use crate::config;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::files::{fingerprint, own};
use crate::ledger::{FOLDER, Ledger};
use crate::plan;
use listing::CHECKSUMS;
use rows::ResultKind;
use table::TABLE;

/// What manifests list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    All,
    /// Results that a person accepted, and that nobody changed since.
    Accepted,
}

/// What the manifests of a folder tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) results: u64,
    /// Results that somebody changed, and those that are not there any more.
    pub(crate) changed: u64,
    pub(crate) missing: u64,
}

/// Runs the command.
pub(crate) fn run(arguments: &Manifest) -> Result<Exit> {
    let output = config::output(&arguments.at)?;
    let address = arguments.at.ledger.as_ref();
    let Some(ledger) = Ledger::find(&output, address)? else {
        return Err(Error::NoLedger { folder: output });
    };
    let folder = plan::resolve(&output)?;
    let chosen = if arguments.accepted { Chosen::Accepted } else { Chosen::All };
    let documents = match address {
        Some(address) => Ledger::open_shared(&folder, address)?,
        None => Ledger::open(&folder)?,
    };
    let sums = write(&ledger, &documents, &folder, chosen)?;
    tell(&sums, &output);
    if let Some(bag) = &arguments.bag {
        let files = bag::pack(&folder, bag)?;
        log::info!("{}: a bag of {files} files", bag.display());
    }
    Ok(Exit::AllDone)
}

/// Says what was written into a folder.
pub(crate) fn tell(sums: &Sums, folder: &Path) {
    let table = folder.join(TABLE);
    log::info!("{}: {} results", table.display(), sums.results);
    if sums.changed > 0 {
        log::warn!("{}: {} results were changed by somebody", table.display(), sums.changed);
    }
    if sums.missing > 0 {
        log::warn!("{}: {} results are not there any more", table.display(), sums.missing);
    }
}

/// Writes both manifests of an output folder, which is absolute, from what `ledger` tells of results;
/// `documents` keeps what is written.
///
/// # Errors
///
/// When one of them was changed by somebody, or is a file of somebody else, or cannot be written.
pub(crate) fn write(
    ledger: &Ledger,
    documents: &Ledger,
    folder: &Path,
    chosen: Chosen,
) -> Result<Sums> {
    let lock = folder.join(FOLDER).join("manifest.lock");
    let held = own::lock_file(&lock)?;
    held.lock().map_err(Error::io(&lock, "lock"))?;

    let mut table = Document::create(folder, TABLE)?;
    let mut checksums = Document::create(folder, CHECKSUMS)?;
    let mut sums = Sums::default();
    {
        let mut write = |record: &rows::Record| {
            table::write(&mut table, record).map_err(Error::io(folder.join(TABLE), "write"))
        };
        write(&rows::COLUMNS.map(Into::into))?;
        let (accepted, rejected_shots) = (ledger.accepted()?, ledger.rejected_shots()?);
        ledger.each_result(&mut |output, result, later| {
            let is_accepted = accepted.get(&output) == Some(&result.sha256);
            if chosen == Chosen::Accepted && !is_accepted {
                return Ok(());
            }
            let row =
                rows::Row::of_result(folder, &output, &result, later, rejected_shots.get(&output))?;
            if chosen == Chosen::Accepted && row.kind != ResultKind::Done {
                log::warn!("{}: accepted, and changed or gone since", output.display());
                return Ok(());
            }
            match row.kind {
                ResultKind::Done => sums.results += 1,
                ResultKind::Changed => sums.changed += 1,
                ResultKind::Missing => sums.missing += 1,
            }
            if let Some(sha256) = &row.sha256 {
                checksums.add(&listing::line(sha256, &output))?;
            }
            if let Some((path, sha256)) = rows::sidecar(folder, &output, &result)? {
                checksums.add(&listing::line(&sha256, &path))?;
            }
            write(&row.record)
        })?;
        for list in documents.documents()? {
            let path = folder.join(&list);
            if ![TABLE, CHECKSUMS].iter().any(|name| list == Path::new(name))
                && own::is_file(&path)?
            {
                checksums.add(&listing::line(&fingerprint::sha256(&path)?, &list))?;
            }
        }
        if chosen == Chosen::All {
            ledger.each_undelivered(&mut |input| write(&rows::undelivered(&input)))?;
        }
    }
    let table = table.finish()?;
    checksums.add(&listing::line(table.sha256(), Path::new(TABLE)))?;
    let checksums = checksums.finish()?;
    table.appear(documents)?;
    checksums.appear(documents)?;
    Ok(sums)
}
