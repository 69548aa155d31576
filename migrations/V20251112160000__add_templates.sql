CREATE TABLE templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    built_in INTEGER NOT NULL DEFAULT 0 CHECK (built_in IN (0, 1))
);

-- Rows that every installation starts with belong into the migration that makes their
-- table. The columns are named, so that a later column changes nothing here.
INSERT INTO templates (name, title, body, built_in) VALUES
    ('Meeting', 'Meeting: {topic}', 'Present:

Decided:

To do:
', 1),
    ('Journal', '{date}', 'What went well:

What I learned:
', 1),
    ('Book', '{title}, {author}', 'Why I read it:

Three things to keep:
', 1),
    ('Recipe', '{dish}', 'For {n} people

Ingredients:

Steps:
', 1);
