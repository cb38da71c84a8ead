/** Schema files as text, for the test that compares them with the migrations. */
declare module "*.sql?raw" {
  const text: string;
  export default text;
}
