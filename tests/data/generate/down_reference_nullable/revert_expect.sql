SELECT id,quote(p) FROM c
