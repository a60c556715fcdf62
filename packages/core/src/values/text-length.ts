/** Returns the length of a text in code points, as the spec and other languages count it. A character outside the BMP is one. */
export const textLength = (text: string): number => [...text].length;
