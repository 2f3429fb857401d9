//! Which inputs are colored, and the names of their results, before anything starts.

mod job;
pub(crate) mod names;
mod sequence;
mod walk;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
pub(crate) use crate::plan::job::{Job, identity};
pub(crate) use crate::plan::names::Naming;
pub(crate) use crate::plan::sequence::{Frame, Sequence};
use crate::shard::Shard;

/// What a run is to do.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In a stable order: inputs as given, folders sorted by name.
    pub(crate) jobs: Vec<Job>,
    /// Of films: sequences of frames, in the same order.
    pub(crate) sequences: Vec<Sequence>,
    /// Folders and files that cannot be read, or whose results cannot stand beside those of others;
    /// the rest goes on.
    pub(crate) refused: Vec<(PathBuf, Error)>,
    /// Files in folders that are photographs but for a space or a dot at the ends of their names.
    pub(crate) misnamed: Vec<PathBuf>,
    /// Files in folders that are no photographs by their name, or links that lead elsewhere.
    pub(crate) ignored: usize,
    /// The output folder as an absolute path free of symbolic links; it may not exist yet.
    pub(crate) folder: PathBuf,
}

/// Plans results of `inputs` below `output`.
///
/// # Errors
///
/// When an input does not exist or is neither file nor folder, an input folder and the output folder
/// lie in each other, two inputs would become one result, or a result would overwrite an input. Of
/// two results whose names differ by case alone, or of which one is the folder of the other, the
/// second is refused.
pub(crate) fn plan(inputs: &[PathBuf], output: &Path, naming: Naming) -> Result<Plan> {
    let folder = resolve(output)?;
    if folder.exists() && !folder.is_dir() {
        return Err(Error::NotAFolder { path: output.to_path_buf() });
    }
    let mut plan = Plan {
        jobs: Vec::new(),
        sequences: Vec::new(),
        refused: Vec::new(),
        misnamed: Vec::new(),
        ignored: 0,
        folder,
    };
    for input in inputs {
        if let (Naming::Films(_), Some(sequence)) = (naming, Sequence::named(input)?) {
            plan.sequences.push(sequence);
            continue;
        }
        let metadata = std::fs::metadata(input).map_err(Error::io(input, "read"))?;
        if metadata.is_dir() {
            add_folder(&mut plan, input, output, naming)?;
        } else if !metadata.is_file() {
            return Err(Error::NotAFile { path: input.clone() });
        } else {
            let name = input.file_name().ok_or_else(|| Error::NotAFile { path: input.clone() })?;
            plan.jobs.push(Job {
                shown: input.clone(),
                input: identity(input)?,
                below: name.into(),
                output: naming.result(Path::new(name)),
                named: true,
            });
        }
    }
    drop_repeated(&mut plan.jobs);
    refuse_colliding_sequences(&mut plan)?;
    refuse_collisions(&mut plan)?;
    refuse_overwriting(&plan)?;
    Ok(plan)
}

impl Plan {
    /// Leaves of it the share of one shard. What is not colored is told by one of the shards, too.
    pub(crate) fn keep(&mut self, shard: Shard) {
        self.jobs.retain(|job| shard.holds(&job.output));
        self.refused.retain(|(path, _)| shard.holds(path));
        self.misnamed.retain(|path| shard.holds(path));
    }
}

fn add_folder(plan: &mut Plan, input: &Path, output: &Path, naming: Naming) -> Result<()> {
    let root = input.canonicalize().map_err(Error::io(input, "read"))?;
    if plan.folder.starts_with(&root) {
        return Err(Error::OutputInsideInput { input: input.into(), output: output.into() });
    }
    if root.starts_with(&plan.folder) {
        return Err(Error::InputInsideOutput { input: input.into(), output: output.into() });
    }
    let found = walk::walk(&root, naming);
    plan.ignored += found.ignored;
    let jobs = found.photographs.into_iter();
    plan.jobs.extend(jobs.map(|below| Job::in_folder(input, &root, below, naming)));
    let frames = found.frames.into_iter();
    let frames = frames.map(|below| Job::in_folder(input, &root, below, Naming::Photographs(None)));
    let (sequences, left) = Sequence::find_all(frames.collect());
    plan.sequences.extend(sequences);
    plan.ignored += left;
    plan.misnamed.extend(found.misnamed.into_iter().map(|below| input.join(below)));
    plan.refused.extend(found.unreadable.into_iter().map(|(relative, source)| {
        let path =
            if relative.as_os_str().is_empty() { input.into() } else { input.join(relative) };
        (path.clone(), Error::Walk { path, source })
    }));
    Ok(())
}

/// Keeps the first of jobs that read the same file and write the same result.
fn drop_repeated(jobs: &mut Vec<Job>) {
    let mut seen = std::collections::HashSet::new();
    jobs.retain(|job| seen.insert((job.input.clone(), job.output.clone())));
}

fn refuse_overwriting(plan: &Plan) -> Result<()> {
    let inputs: HashMap<&Path, &Job> =
        plan.jobs.iter().map(|job| (job.input.as_path(), job)).collect();
    for job in &plan.jobs {
        if let Some(other) = inputs.get(plan.folder.join(&job.output).as_path()) {
            return Err(if other.input == job.input {
                Error::OverwritesInput { input: job.shown.clone() }
            } else {
                Error::OverwritesOther { input: job.shown.clone(), other: other.shown.clone() }
            });
        }
    }
    Ok(())
}

/// Refuses results that are equal. Of two that are equal but for case, or of which one is the folder
/// of the other, the second leaves the plan: whether they are different files depends on the file
/// system.
fn refuse_collisions(plan: &mut Plan) -> Result<()> {
    let jobs = std::mem::take(&mut plan.jobs);
    let mut files = HashMap::new();
    for job in &jobs {
        let first: &Job = files.entry(folded(&job.output)).or_insert(job);
        if first.output == job.output && first.input != job.input {
            return Err(Error::SameResult {
                first: first.shown.clone(),
                second: job.shown.clone(),
                result: first.output.clone(),
            });
        }
    }
    let first_of = |path: &Path| files.get(&folded(path)).copied();
    let twin = |job: &Job| {
        let same = first_of(&job.output).filter(|first| first.input != job.input);
        let first = same.or_else(|| job.output.ancestors().skip(1).find_map(first_of))?;
        Some(Error::Twin { first: first.shown.clone(), second: job.shown.clone() })
    };
    for (job, error) in jobs.iter().map(|job| (job, twin(job))) {
        match error {
            Some(error) => plan.refused.push((job.shown.clone(), error)),
            None => plan.jobs.push(job.clone()),
        }
    }
    Ok(())
}

/// Refuses sequences whose results would lie where others' do, or over their own frames.
fn refuse_colliding_sequences(plan: &mut Plan) -> Result<()> {
    let mut lists: HashMap<PathBuf, PathBuf> = HashMap::new();
    for sequence in std::mem::take(&mut plan.sequences) {
        let first = &sequence.frames[0].job;
        if plan.folder.join(&first.output) == first.input {
            return Err(Error::OverwritesInput { input: sequence.shown });
        }
        match lists.get(&sequence.list) {
            None => {
                lists.insert(sequence.list.clone(), sequence.shown.clone());
                plan.sequences.push(sequence);
            }
            Some(first) if *first == sequence.shown => {}
            Some(first) => {
                let (first, second) = (first.clone(), sequence.shown.clone());
                let error = Error::SameResult { first, second, result: sequence.list };
                plan.refused.push((sequence.shown, error));
            }
        }
    }
    Ok(())
}

/// A path as file systems that ignore case compare it.
fn folded(path: &Path) -> String {
    path.to_string_lossy().to_lowercase()
}

/// The absolute path of a folder, free of symbolic links as far as it exists.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(Error::io(path, "read"))?;
    let mut missing = Vec::new();
    let mut existing = absolute.as_path();
    loop {
        match existing.canonicalize() {
            Ok(mut resolved) => {
                for name in missing.iter().rev() {
                    if *name == std::path::Component::ParentDir {
                        resolved.pop();
                    } else {
                        resolved.push(name);
                    }
                }
                return Ok(resolved);
            }
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                let mut components = existing.components();
                match components.next_back() {
                    Some(last) => missing.push(last),
                    None => return Err(Error::io(path, "read")(source)),
                }
                existing = components.as_path();
            }
            Err(source) => return Err(Error::io(path, "read")(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use polychromify_core::Format;

    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn outputs(plan: &Plan) -> Vec<String> {
        plan.jobs.iter().map(|job| job.output.display().to_string().replace('\\', "/")).collect()
    }

    #[test]
    fn a_folder_gives_paths_below_itself_and_a_file_its_name() {
        let at = folder_with(&["in/b/scan.TIF", "in/a.jpg", "x/one.png"]);
        let inputs = [at.path().join("in"), at.path().join("x/one.png")];
        let plan = plan(&inputs, &at.path().join("out"), Naming::Photographs(None)).unwrap();
        assert_eq!(outputs(&plan), ["a.jpg", "b/scan.TIF", "one.png"]);
    }

    #[test]
    #[cfg(unix)] // links are made as POSIX does
    fn an_output_folder_inside_an_input_folder_is_refused_through_links_too() {
        let at = folder_with(&["in/a.jpg"]);
        std::os::unix::fs::symlink(at.path().join("in"), at.path().join("link")).unwrap();
        for output in ["in/out", "in", "link/new/out", "out/../in/x", "."] {
            let refused =
                plan(&[at.path().join("in")], &at.path().join(output), Naming::Photographs(None));
            assert!(refused.is_err(), "{output}");
        }
        plan(&[at.path().join("in")], &at.path().join("out"), Naming::Photographs(None)).unwrap();
    }

    #[test]
    fn a_result_never_takes_the_place_of_an_input() {
        let at = folder_with(&["a.jpg", "b.tif", "b.tif.jpg"]);
        let path = |name: &str| at.path().join(name);
        let refused = plan(&[path("a.jpg")], at.path(), Naming::Photographs(None)).unwrap_err();
        assert!(matches!(refused, Error::OverwritesInput { .. }), "{refused}");
        let beside =
            plan(&[path("a.jpg")], at.path(), Naming::Photographs(Some(Format::Png))).unwrap();
        assert_eq!(outputs(&beside), ["a.jpg.png"]);
        let other = [path("b.tif"), path("sub/../b.tif.jpg")];
        fs::create_dir(path("sub")).unwrap();
        assert!(plan(&other, at.path(), Naming::Photographs(Some(Format::Jpeg))).is_err());
    }

    #[test]
    fn the_same_file_twice_is_one_job() {
        let at = folder_with(&["in/a.jpg"]);
        let inputs = [at.path().join("in"), at.path().join("in/a.jpg"), at.path().join("in")];
        let plan = plan(&inputs, &at.path().join("out"), Naming::Photographs(None)).unwrap();
        assert_eq!(outputs(&plan), ["a.jpg"]);
    }

    #[test]
    fn an_input_that_is_not_there_is_named() {
        let refused = plan(&["no/such.jpg".into()], Path::new("out"), Naming::Photographs(None));
        assert!(refused.unwrap_err().to_string().starts_with("no/such.jpg: "));
    }

    /// The results that are refused, of those planned; `None`: all.
    fn refused(outputs: &[&str]) -> Option<Vec<String>> {
        let job = |(number, output): (usize, &&str)| Job {
            shown: output.into(),
            input: number.to_string().into(),
            below: output.into(),
            output: output.into(),
            named: false,
        };
        let mut plan = Plan {
            jobs: outputs.iter().enumerate().map(job).collect(),
            sequences: Vec::new(),
            refused: Vec::new(),
            misnamed: Vec::new(),
            ignored: 0,
            folder: "/out".into(),
        };
        refuse_collisions(&mut plan).ok()?;
        assert_eq!(plan.jobs.len() + plan.refused.len(), outputs.len());
        Some(plan.refused.iter().map(|(path, _)| path.display().to_string()).collect())
    }

    #[test]
    fn of_results_that_are_equal_but_for_case_the_second_is_refused() {
        assert_eq!(refused(&["a/x.jpg", "A/X.JPG", "b.jpg"]).unwrap(), ["A/X.JPG"]);
        assert_eq!(refused(&["Ä.png", "ä.png"]).unwrap(), ["ä.png"]);
        assert!(refused(&["a/x.jpg", "b/x.jpg", "a/x.jpg.jpg"]).unwrap().is_empty());
        assert_eq!(refused(&["a/x.jpg", "a/x.jpg"]), None);
    }

    #[test]
    fn a_result_cannot_be_the_folder_of_another() {
        assert_eq!(refused(&["x.jpg", "x.jpg/y.jpg"]).unwrap(), ["x.jpg/y.jpg"]);
        assert_eq!(refused(&["X.JPG/sub/y.jpg", "x.jpg"]).unwrap(), ["X.JPG/sub/y.jpg"]);
    }
}
