//! Which states are an end, and which of them a good one.

use cartage_proto::v1;

use crate::Error;

/// Long work.
pub trait Ended {
    /// Whether it is in a state it does not leave by itself.
    fn has_ended(&self) -> bool;

    /// Whether it ended well.
    fn is_success(&self) -> bool;

    /// The error that tells of a bad end.
    fn into_error(self) -> Error;
}

/// The resource when it ended well, else an error that says how it ended.
///
/// # Errors
/// [`Error::Ended`].
pub fn succeeded<R: Ended>(resource: R) -> Result<R, Error> {
    if resource.is_success() { Ok(resource) } else { Err(resource.into_error()) }
}

macro_rules! ended {
    ($($resource:ident in $module:ident: going [$($going:ident)*], good [$($good:ident)*];)*) => {
        $(impl Ended for v1::$resource {
            fn has_ended(&self) -> bool {
                !matches!(self.state(), $(v1::$module::State::$going)|*)
            }

            fn is_success(&self) -> bool {
                matches!(self.state(), $(v1::$module::State::$good)|*)
            }

            fn into_error(self) -> Error {
                let state = self.state().as_str_name().to_owned();
                let failure = self.failure.map(Box::new);
                Error::Ended { resource: self.name, state, failure }
            }
        })*
    };
}

// A state this crate does not know reads as unspecified, and is not taken for an end.
ended! {
    Connection in connection: going [Unspecified Verifying], good [Active Degraded];
    Snapshot in snapshot: going [Unspecified Pending Running Cancelling], good [Succeeded];
    RestoreTest in restore_test: going [Unspecified Pending Running], good [Succeeded];
    Audit in audit: going [Unspecified Pending Running Cancelling], good [Succeeded];
    Run in run:
        going [Unspecified Pending Running Pausing Verifying Cancelling RollingBack],
        good [Succeeded];
    VerificationReport in verification_report: going [Unspecified Pending Running], good [Succeeded];
}
