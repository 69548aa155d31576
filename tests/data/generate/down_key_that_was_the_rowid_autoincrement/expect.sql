SELECT rowid,u FROM p
