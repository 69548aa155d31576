SELECT rowid,title,body FROM "f x" ORDER BY 1
