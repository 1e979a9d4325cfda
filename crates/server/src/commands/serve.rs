//! `serve`: the server.

use std::{process::ExitCode, sync::Arc};

use crate::{Application, Settings, SystemClock};

pub(super) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let secret = settings.secret()?;
    let store = super::open_current(settings).await?;
    let application =
        Application::build(&settings.http, secret, store.repositories(), Arc::new(SystemClock), |_| {})?;
    tracing::info!(address = %application.address(), public_url = %application.public_url(), "listening");
    application.server().await?;
    Ok(ExitCode::SUCCESS)
}
