// Pan, zoom and search in the diagram.
export function diagram() {}
