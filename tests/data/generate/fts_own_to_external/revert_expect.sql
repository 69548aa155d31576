SELECT rowid,name FROM ft
