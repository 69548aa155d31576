//! What pages call, each by its own permission.

use std::sync::Arc;

use heirloom::inspect::StateRef;
use heirloom::{BackupRef, Database, Error, Verify};
use serde::Serialize;
use serde_json::Value;
use tauri::ipc::Channel;
use tauri::{AppHandle, Runtime, command};

use crate::{Failure, Heirloom, HeirloomExt};

type Answer = Result<Value, Failure>;

/// Does it where nothing else waits.
async fn apart<R: Runtime>(
    app: AppHandle<R>,
    call: impl FnOnce(&AppHandle<R>, Arc<Heirloom>) -> Answer + Send + 'static,
) -> Answer {
    tauri::async_runtime::spawn_blocking(move || call(&app, app.heirloom())).await?
}

/// The same, with events for the caller while it lasts.
async fn telling<R: Runtime>(
    app: AppHandle<R>,
    on_event: Channel<Value>,
    call: impl FnOnce(&AppHandle<R>, &Arc<Heirloom>) -> Answer + Send + 'static,
) -> Answer {
    apart(app, move |app, heirloom| {
        let channel = on_event.id();
        heirloom.listen(on_event);
        let answer = call(app, &heirloom);
        heirloom.leave(channel);
        answer
    })
    .await
}

/// What writes nothing.
async fn look<R: Runtime, T: Serialize>(
    app: AppHandle<R>,
    question: impl FnOnce(&Database<'_, 'static>) -> Result<T, Error> + Send + 'static,
) -> Answer {
    apart(app, |_, heirloom| {
        let migrator = heirloom.migrator();
        let found = question(&migrator.database(heirloom.path()))?;
        Ok(serde_json::to_value(found).unwrap_or_default())
    })
    .await
}

#[command]
pub(crate) async fn ready<R: Runtime>(app: AppHandle<R>, on_event: Channel<Value>) -> Answer {
    telling(app, on_event, |_, heirloom| heirloom.outcome()).await
}

#[command]
pub(crate) async fn migrate<R: Runtime>(app: AppHandle<R>, on_event: Channel<Value>) -> Answer {
    telling(app, on_event, |app, heirloom| {
        heirloom.start(app);
        heirloom.outcome()
    })
    .await
}

#[command]
pub(crate) fn cancel<R: Runtime>(app: AppHandle<R>) {
    app.heirloom().cancel();
}

#[command]
pub(crate) async fn status<R: Runtime>(app: AppHandle<R>) -> Answer {
    look(app, |database| database.status()).await
}

#[command]
pub(crate) async fn plan<R: Runtime>(app: AppHandle<R>) -> Answer {
    look(app, |database| database.plan(None)).await
}

#[command]
pub(crate) async fn backups<R: Runtime>(app: AppHandle<R>, verify: Verify) -> Answer {
    look(app, move |database| database.backups(verify)).await
}

#[command]
pub(crate) async fn plan_restore<R: Runtime>(app: AppHandle<R>, backup: BackupRef) -> Answer {
    look(app, move |database| database.plan_restore(&backup)).await
}

#[command]
pub(crate) async fn downgrade_options<R: Runtime>(app: AppHandle<R>) -> Answer {
    look(app, |database| database.downgrade_options()).await
}

#[command]
pub(crate) async fn doctor<R: Runtime>(app: AppHandle<R>) -> Answer {
    look(app, |database| database.doctor()).await
}

#[command]
pub(crate) async fn log<R: Runtime>(app: AppHandle<R>) -> Answer {
    look(app, |database| database.log()).await
}

#[command]
pub(crate) async fn stats<R: Runtime>(app: AppHandle<R>) -> Answer {
    look(app, |database| database.stats()).await
}

#[command]
pub(crate) async fn inspect<R: Runtime>(app: AppHandle<R>, table: Option<String>) -> Answer {
    look(app, move |database| database.inspect(table.as_deref())).await
}

#[command]
pub(crate) async fn compare<R: Runtime>(app: AppHandle<R>, from: StateRef, to: StateRef) -> Answer {
    look(app, move |database| database.compare(&from, &to)).await
}

#[command]
pub(crate) async fn snapshot<R: Runtime>(app: AppHandle<R>, name: String) -> Answer {
    look(app, move |database| database.snapshot(&name)).await
}

/// Restores, and migrates what was restored: an app never goes on over a schema that is older.
#[command]
pub(crate) async fn restore<R: Runtime>(
    app: AppHandle<R>,
    backup: BackupRef,
    keep_newer: bool,
    on_event: Channel<Value>,
) -> Answer {
    telling(app, on_event, move |app, heirloom| {
        let restored = heirloom.change(app, |migrator, path| match keep_newer {
            true => migrator.database(path).restore_keeping_newer(&backup),
            false => migrator.database(path).restore(&backup),
        })?;
        heirloom.start(app);
        heirloom.outcome()?;
        Ok(restored)
    })
    .await
}

#[command]
pub(crate) async fn revert_to_known<R: Runtime>(
    app: AppHandle<R>,
    on_event: Channel<Value>,
) -> Answer {
    telling(app, on_event, |app, heirloom| {
        let reverted = heirloom.change(app, |migrator, path| {
            migrator.database(path).revert_to_known()
        })?;
        heirloom.start(app);
        heirloom.outcome()?;
        Ok(reverted)
    })
    .await
}

/// Whether the newer database may be opened: the app opens it with its own library then.
#[command]
pub(crate) async fn open_anyway<R: Runtime>(app: AppHandle<R>) -> Answer {
    apart(app, |app, heirloom| {
        heirloom.change(app, |migrator, path| {
            let opened = migrator.database(path).open_anyway();
            opened.map(|opened| opened.report)
        })
    })
    .await
}
