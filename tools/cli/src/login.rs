//! Who logs in, on the command line. A password is not an argument: other users see those.

use crate::failure::Failure;
use std::fs;
use std::path::PathBuf;
use tickring_producer::Error;
use tickring_producer::wire::soupbintcp::Credentials;

/// User name, and where the password is.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// User name, at most 6 characters
    #[arg(long, value_name = "NAME", default_value = "")]
    user: String,
    /// File whose first line is the password, at most 10 characters
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,
    /// Environment variable whose value is the password
    #[arg(long, value_name = "VARIABLE")]
    password_env: Option<String>,
}

impl Login {
    /// Whether nobody is named.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.user.is_empty() && self.password_file.is_none() && self.password_env.is_none()
    }

    /// Looks the password up; it is blank where none is named.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        let password = match (&self.password_file, &self.password_env) {
            (Some(path), _) => {
                let text = fs::read_to_string(path).map_err(Failure::io("read the password"))?;
                text.lines().next().unwrap_or_default().to_owned()
            }
            (None, Some(variable)) => std::env::var(variable).map_err(|_| Error::Option {
                name: "--password-env",
                expected: "an environment variable that is set",
                found: variable.clone(),
            })?,
            (None, None) => String::new(),
        };
        let expected = "a user name of at most 6 and a password of at most 10 printable ASCII \
                        characters";
        // What was found is a secret, or next to one.
        let found = format!("{} and {} characters", self.user.len(), password.len());
        let refused = || Error::Option { name: "--user", expected, found };
        Ok(Credentials::new(&self.user, &password).ok_or_else(refused)?)
    }
}
