//! `save`: images into files.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

use diag::{Error, Origin, Result, codes};
use oci::Reference;
use store::image::{Form, Images, Outgoing, Output};
use sys::Dir;

use crate::{Engine, interruption::interruptibly, request::Given};

/// What to save, and where.
#[derive(Clone, Debug, Default)]
pub struct SaveRequest {
    /// The images; without `several` the first one, and further names for it.
    pub images: Vec<Given<String>>,
    /// `--format`: `docker-archive` without it.
    pub format: Option<Given<String>>,
    /// `--output`: standard output without it.
    pub output: Option<Given<PathBuf>>,
    /// `--multi-image-archive`.
    pub several: bool,
    /// `--compress`.
    pub compress: Option<Given<()>>,
}

impl Engine<'_> {
    /// Saves. A file appears as a whole or not at all; a directory must be empty or not there yet.
    ///
    /// Errors: UR0701, UR0702, UR0713 for the images; UR0740 for the place; UR0703 and UR0925 for what is here.
    pub fn save(&self, request: &SaveRequest) -> Result<()> {
        interruptibly(|| self.save_wholly(request))
    }

    fn save_wholly(&self, request: &SaveRequest) -> Result<()> {
        let form = form(request.format.as_ref())?;
        if let Some(compress) = request.compress.as_ref().filter(|_| form != Form::DockerDir) {
            let error = Error::new(codes::UR0806, "`--compress` is for `--format docker-dir` only");
            return Err(compress.blame(error).help("an archive can be compressed as a whole: … | gzip > image.tar.gz"));
        }
        let all = self.outgoing(request, form)?;
        let place = Place::open(request.output.as_ref(), form)?;
        let images = Images::of(&self.store);
        let warnings = match &place {
            Place::Stdout => images.save(&all, form, false, Output::Stream(Box::new(io::stdout().lock()))),
            Place::Stream(file) | Place::Draft { file, .. } => images.save(&all, form, false, stream(file)),
            Place::Dir { dir, .. } => {
                let dir =
                    dir.try_clone().map_err(|failed| failed.into_error(codes::UR0740, "the directory is gone"))?;
                images.save(&all, form, request.compress.is_some(), Output::Dir(dir))
            }
        };
        let warnings = match (warnings, &request.output) {
            (Err(error), Some(output)) => return Err(output.blame_if_bare(error)),
            (warnings, _) => warnings?,
        };
        place.settle()?;
        for warning in &warnings {
            self.warn(warning);
        }
        Ok(())
    }

    /// The images, each with the names that it is to have.
    fn outgoing(&self, request: &SaveRequest, form: Form) -> Result<Vec<Outgoing>> {
        let (first, rest) =
            request.images.split_first().ok_or_else(|| Error::new(codes::UR0806, "the name of an image is missing"))?;
        if request.several {
            if let Some(second) = rest.first().filter(|_| form != Form::DockerArchive) {
                let error = Error::new(codes::UR0806, "several images go into a `docker-archive` only");
                return Err(second.blame(error).help("leave `--format` out, or save one image at a time"));
            }
            let mut all: Vec<Outgoing> = Vec::new();
            for name in &request.images {
                let one = self.named(name)?;
                match all.iter_mut().find(|known| known.image.id == one.image.id) {
                    Some(known) => known.names.extend(one.names),
                    None => all.push(one),
                }
            }
            return Ok(all);
        }
        let mut one = self.named(first)?;
        for further in rest {
            let name = Reference::parse_local(&further.value).map_err(|fault| further.blame(Error::from(fault)))?;
            if form == Form::DockerDir || name.digest().is_some() {
                let what = format!("the image cannot have the name `{}` there", further.value);
                return Err(further.blame(Error::new(codes::UR0806, what)).help("several images need `-m`"));
            }
            one.names.push(name.tagged());
        }
        Ok(vec![one])
    }

    /// An image with the name that was written, if that was a name.
    fn named(&self, given: &Given<String>) -> Result<Outgoing> {
        let image = self.image(given)?;
        let wanted = Reference::candidates(&given.value).unwrap_or_default();
        let written = wanted.iter().map(|name| name.clone().tagged()).find(|name| image.names.contains(name));
        let ending = || {
            let (path, tag) = (format!("/{}", wanted.first()?.path()), wanted.first()?.clone().tagged());
            image.names.iter().find(|name| name.name().ends_with(&path) && name.tag() == tag.tag()).cloned()
        };
        let name = written.or_else(ending).filter(|name| name.tag().is_some());
        Ok(Outgoing { image, names: name.into_iter().collect() })
    }
}

fn form(given: Option<&Given<String>>) -> Result<Form> {
    let Some(given) = given else { return Ok(Form::DockerArchive) };
    match given.value.as_str() {
        "oci-archive" => Ok(Form::OciArchive),
        "oci-dir" => Ok(Form::OciDir),
        "docker-archive" => Ok(Form::DockerArchive),
        "docker-dir" => Ok(Form::DockerDir),
        other => Err(given
            .blame(Error::new(codes::UR0806, format!("`{other}` is not a form that images are saved in")))
            .help("the forms are oci-archive, oci-dir, docker-archive and docker-dir")),
    }
}

fn stream(file: &File) -> Output<'_> {
    Output::Stream(Box::new(BufWriter::with_capacity(256 * 1024, file)))
}

/// Where it goes.
enum Place {
    Stdout,
    /// Something that is there and no ordinary file.
    Stream(File),
    /// A file that gets its name when it is complete.
    Draft {
        file: File,
        draft: PathBuf,
        path: PathBuf,
        settled: bool,
    },
    /// A directory; whether it was made here.
    Dir {
        dir: Dir,
        path: PathBuf,
        settled: bool,
        made: bool,
    },
}

impl Place {
    fn open(output: Option<&Given<PathBuf>>, form: Form) -> Result<Place> {
        let wants_dir = matches!(form, Form::OciDir | Form::DockerDir);
        let Some(given) = output else {
            if wants_dir {
                let error = Error::new(codes::UR0806, "it is not said which directory to save to");
                return Err(error.help("name it with `--output DIR`"));
            }
            return Ok(Place::Stdout);
        };
        let path = given.value.clone();
        let refused = |error: &io::Error| given.blame(unwritable(&path, error));
        if wants_dir {
            return Place::directory(&path).map_err(|error| given.blame_if_bare(error));
        }
        let special = fs::metadata(&path).is_ok_and(|metadata| {
            let kind = metadata.file_type();
            kind.is_fifo() || kind.is_char_device() || kind.is_block_device()
        });
        if special {
            return OpenOptions::new().write(true).open(&path).map(Place::Stream).map_err(|error| refused(&error));
        }
        let name = path.file_name().ok_or_else(|| refused(&io::ErrorKind::IsADirectory.into()))?;
        if path.is_dir() {
            return Err(refused(&io::ErrorKind::IsADirectory.into()));
        }
        let draft = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&draft);
        Ok(Place::Draft { file: file.map_err(|error| refused(&error))?, draft, path: path.clone(), settled: false })
    }

    fn directory(path: &Path) -> Result<Place> {
        let made = match fs::create_dir(path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(unwritable(path, &error)),
        };
        let mut entries = fs::read_dir(path).map_err(|error| unwritable(path, &error))?;
        if entries.next().is_some() {
            let what = format!("the directory `{}` is not empty", path.display());
            return Err(Error::new(codes::UR0740, what).help("name a directory that is empty or not there yet"));
        }
        let failed = |failed: sys::Failed| failed.into_error(codes::UR0740, "the directory cannot be opened");
        Ok(Place::Dir { dir: Dir::open(path).map_err(failed)?, path: path.to_owned(), settled: false, made })
    }

    /// Everything is written.
    fn settle(mut self) -> Result<()> {
        match &mut self {
            Place::Stdout => io::stdout().flush().map_err(|error| unwritable(Path::new("standard output"), &error)),
            Place::Stream(_) => Ok(()),
            Place::Draft { draft, path, settled, .. } => {
                *settled = true;
                fs::rename(draft, &path).map_err(|error| unwritable(path, &error))
            }
            Place::Dir { settled, .. } => {
                *settled = true;
                Ok(())
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is half written is of no use to anybody.
        match self {
            Place::Draft { draft, settled: false, .. } => drop(fs::remove_file(draft)),
            Place::Dir { path, settled: false, made, .. } => {
                if *made {
                    let _ = fs::remove_dir_all(path);
                } else {
                    let entries = fs::read_dir(path).into_iter().flatten().flatten();
                    for entry in entries {
                        let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
                    }
                }
            }
            _ => {}
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::new(codes::UR0740, format!("`{}` cannot be written", path.display()))
        .at(Origin::Path { path: path.to_owned() })
        .words(error)
}
