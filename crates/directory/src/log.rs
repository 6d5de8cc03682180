//! One line on standard error for whoever runs the service. Lines never hold a credential or a URL of a database.

/// Something that is as it should be.
pub(crate) fn info(message: &str) {
    eprintln!("auth-directory: {message}");
}

/// Something that somebody should look at.
pub(crate) fn warn(message: &str) {
    eprintln!("auth-directory: warning: {message}");
}
