-- Written by `heirloom generate`.

-- What must be true of the rows. Where it is not, the migration ends here.
CREATE TEMP TABLE IF NOT EXISTS heirloom_check (problem TEXT CHECK (problem IS NULL));
INSERT INTO temp.heirloom_check
SELECT 'rows of `folder` that violate CHECK (name <> ''''): ' || found || ', for example where `id` is ' || example
FROM (
    SELECT count(*) AS found, substr(quote(min(id)), 1, 60) AS example
    FROM folder
    WHERE NOT (name <> '')
)
WHERE found > 0;
DROP TABLE temp.heirloom_check;

ALTER TABLE folder ADD CONSTRAINT "folder_has_a_name" CHECK (name <> '');
