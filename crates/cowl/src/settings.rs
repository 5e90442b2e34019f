//! From arguments, environment and settings file to settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::args::GlobalArguments;
use crate::failure::{Failure, Result};
use crate::moment::parse_duration;

/// What holds for a whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The party's folder on this device.
    pub(crate) profile: PathBuf,
    /// Address of the cloud, for new profiles.
    pub(crate) server: Option<String>,
    /// Certificate to trust for it.
    pub(crate) ca: Option<PathBuf>,
    /// How long a device stays unlocked without use.
    pub(crate) lock_after: Duration,
    /// Where the password comes from when not from the terminal.
    pub(crate) password_file: Option<PathBuf>,
    /// Answer every question with yes.
    pub(crate) yes: bool,
    /// Whether progress bars are wanted.
    pub(crate) bars: bool,
}

/// The settings file.
///
/// ```toml
/// profile = "default"                  # name, or folder
/// server = "https://cloud.example"     # for 'party register' and 'party login' on a new device
/// ca = "/etc/cowl/ca.pem"              # trust this certificate for it
/// lock-after = "15m"                   # lock the device when it was not used for this long
/// progress = true                      # progress bars
/// ```
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SettingsFile {
    profile: Option<String>,
    server: Option<String>,
    ca: Option<PathBuf>,
    lock_after: Option<String>,
    progress: Option<bool>,
}

/// What the surroundings say.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    home: Option<PathBuf>,
    config_home: Option<PathBuf>,
    data_home: Option<PathBuf>,
}

impl Surroundings {
    /// Of this process.
    pub(crate) fn of_process() -> Self {
        // The XDG specification has relative paths ignored.
        let absolute = |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
        let variable = |name| std::env::var_os(name).and_then(absolute);
        Self {
            home: variable("HOME"),
            config_home: variable("XDG_CONFIG_HOME"),
            data_home: variable("XDG_DATA_HOME"),
        }
    }

    fn settings_file(&self) -> Option<PathBuf> {
        let base =
            self.config_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")))?;
        Some(base.join("cowl/config.toml"))
    }

    fn profiles(&self) -> Result<PathBuf> {
        let base =
            self.data_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".local/share")));
        let base = base.ok_or_else(|| {
            Failure::usage("there is no home folder to keep profiles in")
                .with_hint("name a folder: --profile DIR")
        })?;
        Ok(base.join("cowl"))
    }
}

impl Settings {
    /// Arguments (which include the environment) come before the file, the file before the defaults.
    ///
    /// # Errors
    /// A settings file that was named and is not there, or one that cannot be read.
    pub(crate) fn resolve(arguments: &GlobalArguments, surroundings: &Surroundings) -> Result<Self> {
        let file = SettingsFile::find(arguments.config.as_deref(), surroundings)?;
        let lock_after = file.lock_after.as_deref().map(parse_duration).transpose();
        let profile = arguments.profile.clone().or(file.profile).unwrap_or_else(|| "default".to_owned());
        Ok(Self {
            profile: profile_folder(&profile, surroundings)?,
            server: file.server,
            ca: file.ca,
            lock_after: lock_after.map_err(Failure::usage)?.unwrap_or(DEFAULT_LOCK_AFTER),
            password_file: arguments.password_file.clone(),
            yes: arguments.yes,
            bars: file.progress.unwrap_or(true) && !arguments.no_progress,
        })
    }
}

impl SettingsFile {
    fn find(named: Option<&Path>, surroundings: &Surroundings) -> Result<Self> {
        let default = surroundings.settings_file();
        let Some(path) = named.or(default.as_deref()) else { return Ok(Self::default()) };
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                Ok(Self::default())
            }
            Err(error) => Err(Failure::file(path, error)),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        toml::from_str(text)
            .map_err(|error| Failure::usage(format!("{}: {}", path.display(), error.message())))
    }
}

/// A name stands for a folder among the profiles; what has a slash in it, or is `.`, is a folder itself.
fn profile_folder(text: &str, surroundings: &Surroundings) -> Result<PathBuf> {
    if text.is_empty() {
        return Err(Failure::usage("a profile needs a name"));
    }
    if text.contains('/') || text == "." || text == ".." {
        return Ok(PathBuf::from(text));
    }
    Ok(surroundings.profiles()?.join(text))
}

const DEFAULT_LOCK_AFTER: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings() -> Surroundings {
        Surroundings { home: Some("/home/alice".into()), ..Surroundings::default() }
    }

    fn parse(text: &str) -> Result<SettingsFile> {
        SettingsFile::parse(Path::new("config.toml"), text)
    }

    #[test]
    fn a_profile_is_a_name_or_a_folder() {
        let folder = |text| profile_folder(text, &surroundings()).unwrap();
        assert_eq!(folder("work"), Path::new("/home/alice/.local/share/cowl/work"));
        assert_eq!(folder("./work"), Path::new("./work"));
        assert_eq!(folder("/srv/cowl"), Path::new("/srv/cowl"));
        assert!(profile_folder("", &surroundings()).is_err());
    }

    #[test]
    fn without_a_home_a_folder_must_be_named() {
        let failure = profile_folder("work", &Surroundings::default()).unwrap_err();
        assert_eq!(failure.hint().as_deref(), Some("name a folder: --profile DIR"));
    }

    #[test]
    fn the_sample_in_the_documentation_is_read() {
        let source = include_str!("settings.rs");
        let lines = source.lines().skip_while(|line| *line != "/// ```toml").skip(1);
        let sample: Vec<_> =
            lines.map_while(|line| line.strip_prefix("/// ")).take_while(|it| *it != "```").collect();
        let file = parse(&sample.join("\n")).unwrap();
        assert_eq!(file.lock_after.as_deref(), Some("15m"));
        assert_eq!(file.server.as_deref(), Some("https://cloud.example"));
    }

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        let failure = parse("colour = true").unwrap_err();
        assert!(failure.to_string().contains("colour"), "{failure}");
    }
}
