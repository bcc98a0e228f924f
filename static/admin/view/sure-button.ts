/** The second press must come within this time, in milliseconds. */
const waitMs = 4000;

/** A button that asks for confirmation: the first press changes its label, and a second press within four seconds acts. */
export function sureButton(words: string, question: string, press: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const calm = () => {
    timer = undefined;
    button.className = "plain";
    button.textContent = words;
  };
  button.addEventListener("click", () => {
    if (timer === undefined) {
      button.className = "plain sure";
      button.textContent = question;
      timer = setTimeout(calm, waitMs);
      return;
    }
    clearTimeout(timer);
    calm();
    press();
  });
  calm();
  return button;
}
