//! The app itself: a list, a search, a note.

use eframe::egui::{CentralPanel, Panel, RichText, ScrollArea, TextEdit, Ui, vec2};
use heirloom::rusqlite::{self, Connection, OptionalExtension, params};
use heirloom::{OpenedDatabase, Report};

use crate::Next;
use crate::text::counted;

const ALL: &str = "SELECT id, title FROM note_list ORDER BY pinned DESC, updated_at DESC, id";
const FOUND: &str = "SELECT rowid, title FROM notes_fts WHERE notes_fts MATCH ?1 ORDER BY rank";

pub struct Notes {
    connection: Connection,
    /// What the start has done, where the user should know.
    news: Option<String>,
    search: String,
    list: Vec<(i64, String)>,
    open: Option<Note>,
    error: Option<rusqlite::Error>,
}

struct Note {
    id: i64,
    title: String,
    body: String,
    folder: String,
}

impl Notes {
    pub fn new(
        OpenedDatabase {
            connection, report, ..
        }: OpenedDatabase,
    ) -> Notes {
        let mut notes = Notes {
            connection,
            news: news(&report),
            search: String::new(),
            list: Vec::new(),
            open: None,
            error: None,
        };
        let done = notes.fill().and_then(|()| match notes.list.first() {
            Some((first, _)) => notes.choose(*first),
            None => Ok(()),
        });
        notes.error = done.err();
        notes
    }

    fn fill(&mut self) -> rusqlite::Result<()> {
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let words = self.search.trim();
        self.list = if words.is_empty() {
            let mut all = self.connection.prepare(ALL)?;
            all.query_map([], row)?.collect::<rusqlite::Result<_>>()?
        } else {
            // As one phrase whose last word may go on, whatever the user types.
            let phrase = format!("\"{}\"*", words.replace('"', "\"\""));
            let mut found = self.connection.prepare(FOUND)?;
            found
                .query_map([phrase], row)?
                .collect::<rusqlite::Result<_>>()?
        };
        Ok(())
    }

    fn choose(&mut self, id: i64) -> rusqlite::Result<()> {
        let note =
            "SELECT notes.title, body, folder FROM notes JOIN note_list USING (id) WHERE id = ?1";
        let open = self.connection.query_row(note, [id], |row| {
            Ok(Note {
                id,
                title: row.get(0)?,
                body: row.get(1)?,
                folder: row.get(2)?,
            })
        });
        self.open = open.optional()?;
        Ok(())
    }

    fn add(&mut self) -> rusqlite::Result<()> {
        self.connection
            .execute("INSERT INTO notes (title) VALUES ('New note')", [])?;
        let id = self.connection.last_insert_rowid();
        self.search.clear();
        self.fill()?;
        self.choose(id)
    }

    fn delete(&mut self) -> rusqlite::Result<()> {
        if let Some(note) = self.open.take() {
            self.connection
                .execute("DELETE FROM notes WHERE id = ?1", [note.id])?;
        }
        self.fill()
    }

    fn save(&mut self) -> rusqlite::Result<()> {
        if let Some(Note {
            id, title, body, ..
        }) = &self.open
        {
            let update = "UPDATE notes SET title = ?2, body = ?3 WHERE id = ?1";
            self.connection.execute(update, params![id, title, body])?;
        }
        self.fill()
    }

    pub fn show(&mut self, ui: &mut Ui) -> Option<Next> {
        let mut next = None;
        let mut done = Ok(());
        Panel::top("bar").show(ui, |ui| {
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                ui.label(RichText::new("Notes").heading().strong());
                let search = TextEdit::singleline(&mut self.search)
                    .hint_text("Search")
                    .desired_width(220.0);
                if ui.add(search).changed() {
                    done = self.fill();
                }
                ui.label(RichText::new(counted(self.list.len() as u64, "note")).weak());
                if ui.button("New note").clicked() {
                    done = self.add();
                }
                if ui.button("Delete").clicked() {
                    done = self.delete();
                }
                if ui.button("Backups").clicked() {
                    next = Some(Next::Backups);
                }
            });
            if let Some(error) = &self.error {
                ui.colored_label(ui.visuals().error_fg_color, error.to_string());
            }
            let read = self.news.as_ref().is_some_and(|news| {
                let line = ui.horizontal(|ui| {
                    ui.label(news);
                    ui.small_button("OK").clicked()
                });
                line.inner
            });
            if read {
                self.news = None;
            }
            ui.add_space(4.0);
        });
        Panel::left("list").default_size(280.0).show(ui, |ui| {
            let (height, count) = (ui.spacing().interact_size.y, self.list.len());
            let mut chosen = None;
            ScrollArea::vertical()
                .auto_shrink(false)
                .show_rows(ui, height, count, |ui, range| {
                    for (id, title) in &self.list[range] {
                        let is_open = self.open.as_ref().is_some_and(|open| open.id == *id);
                        if ui.selectable_label(is_open, title).clicked() {
                            chosen = Some(*id);
                        }
                    }
                });
            if let Some(id) = chosen {
                done = self.choose(id);
            }
        });
        CentralPanel::default().show(ui, |ui| {
            let Some(note) = &mut self.open else {
                return;
            };
            ui.label(RichText::new(&note.folder).weak());
            let title = TextEdit::singleline(&mut note.title)
                .font(eframe::egui::TextStyle::Heading)
                .desired_width(f32::INFINITY);
            let title = ui.add(title);
            ui.add_space(8.0);
            let body = TextEdit::multiline(&mut note.body).desired_width(f32::INFINITY);
            let body = ui.add_sized(vec2(ui.available_width(), ui.available_height()), body);
            if title.changed() || body.changed() {
                done = self.save();
            }
        });
        if let Err(error) = done {
            self.error = Some(error);
        }
        next
    }
}

fn news(report: &Report) -> Option<String> {
    if report.recovered.is_some() {
        return Some(
            "The last update had been interrupted. It was put back, and done again.".to_owned(),
        );
    }
    let kept = match &report.backup {
        Some(_) => " A copy from before is among the backups.",
        None => "",
    };
    let count = report.applied.len() as u64;
    (count > 0).then(|| {
        let time = report.duration.as_secs_f32();
        format!(
            "Your notes were brought up to date: {} in {time:.1} s.{kept}",
            counted(count, "change")
        )
    })
}
