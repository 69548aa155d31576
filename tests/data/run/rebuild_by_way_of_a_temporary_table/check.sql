SELECT name, colour FROM tags ORDER BY 1
